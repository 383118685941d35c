"""Commands that show what tpproof sees: `show`, `paths`, `unroll`, `zoo`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tpproof.cli import status
from tpproof.cli.options import json_option, limits_with, network_options
from tpproof.cli.output import aligned, print_json, print_text

if TYPE_CHECKING:
    from tpproof.paths.listing import Path, PathPair
    from tpproof.program.model import Program


@click.command()
@network_options
@click.option("--json", "as_json", is_flag=True, help="The canonical JSON, whose SHA-256 is the network's hash.")
@click.option("--text", "as_text", is_flag=True, help="The program written back as .tp text.")
@click.option("--parametrization", metavar="NAME", help="Another one: scale=1, std=1, lr=1, yang, ntk, standard.")
def show(
    net: str,
    overrides: dict[str, str],
    functions: dict[str, str],
    max_nodes: int | None,
    as_json: bool,
    as_text: bool,
    parametrization: str | None,
) -> int:
    """The parsed, reduced program, as the papers list it."""
    from tpproof.language.source import load

    if as_json and as_text:
        raise click.UsageError("--json or --text, not both")
    program = load(net, overrides, functions, limits_with(max_nodes))
    if parametrization is not None:
        from tpproof.program.parametrization import reparametrized

        program = reparametrized(program, parametrization)
    if as_json:
        from tpproof.program.canonical import canonical_bytes, to_json

        print_text(canonical_bytes(to_json(program)).decode())
    elif as_text:
        from tpproof.language.write import write

        print_text(write(program))
    else:
        from tpproof.program.canonical import sha256
        from tpproof.program.listing import listing

        print_text(f"{listing(program)}\nsha256  {sha256(program)}")
    return status.HOLDS


@click.command()
@network_options
@click.option("--limit", type=click.IntRange(0, 100_000), default=2000, show_default=True, help="List at most so many.")
@json_option
def paths(
    net: str, overrides: dict[str, str], functions: dict[str, str], max_nodes: int | None, limit: int, as_json: bool
) -> int:
    """The pairs p ≅ q with their ⟨p,q⟩, and their exact number when there are too many to list."""
    from tpproof.language.source import load
    from tpproof.paths.count import count
    from tpproof.paths.listing import listed

    limits = limits_with(max_nodes)
    program = load(net, overrides, functions, limits)
    total = count(program, limits)
    pairs = listed(program, limit) if total <= limit else None
    if as_json:
        print_json(_paths_object(program, total, pairs))
    else:
        print_text("\n".join(_paths_text(program, total, pairs, limit)))
    return status.HOLDS


def _classes(program: Program, pairs: tuple[PathPair, ...]) -> dict[tuple[str, ...], list[Path]]:
    """The isomorphism classes: every path under its sequence of matrices."""
    from tpproof.paths.listing import symbols

    found: dict[tuple[str, ...], list[Path]] = {}
    for path in sorted({pair.p for pair in pairs}):
        found.setdefault(symbols(program, path), []).append(path)
    return found


def _variables(program: Program, path: Path) -> list[str]:
    """p⁰, p¹, …, p⁻¹: X-vars and G-vars in turn (Definition 5.5)."""
    from tpproof.program.listing import node_name

    names: list[str] = []
    for g in path:
        node = program.nodes[g]
        if node.op == "matmul":
            names.append(node_name(program, node.args[0]))
        else:
            names.append(program.inputs[node.data[1]].name if node.op == "embed" else "1")
        names.append(node_name(program, g))
    return names


def _weight(program: Program, pair: PathPair) -> str:
    from collections import Counter

    from tpproof.proof.text import sum_text

    return sum_text(program, sorted(Counter(pair.weight).items()))


def _paths_object(program: Program, total: int, pairs: tuple[PathPair, ...] | None) -> dict[str, Any]:
    if pairs is None:
        return {"path_pairs": total, "classes": None, "listed": None}
    classes = [
        {"symbols": list(symbols), "paths": [_variables(program, path) for path in members]}
        for symbols, members in _classes(program, pairs).items()
    ]
    rows = [
        {"p": _variables(program, x.p), "q": _variables(program, x.q), "weight": _weight(program, x)} for x in pairs
    ]
    return {"path_pairs": total, "classes": classes, "listed": rows}


def _paths_text(program: Program, total: int, pairs: tuple[PathPair, ...] | None, limit: int) -> list[str]:
    lines = [f"{total} pairs p ≅ q"]
    if pairs is None:
        return [*lines, f"too many to list (--limit {limit})"]
    classes = _classes(program, pairs)
    lines += [f"{len(classes)} isomorphism classes", ""]
    for symbols, members in classes.items():
        lines.append(" ".join(symbols))
        lines += [f"  {' → '.join(_variables(program, path))}" for path in members]
    lines += ["", "⟨p,q⟩"]
    rows = [
        (" → ".join(_variables(program, x.p)), " → ".join(_variables(program, x.q)), _weight(program, x)) for x in pairs
    ]
    return lines + aligned(rows)


@click.command()
@network_options
@click.option("--steps", type=click.IntRange(1), default=1, show_default=True, metavar="T", help="Steps of SGD.")
def unroll(
    net: str, overrides: dict[str, str], functions: dict[str, str], max_nodes: int | None, steps: int
) -> int:
    """The NETSOR⊤⁺ program of T steps of SGD and their effect on the test set, as in Algorithm 1."""
    from tpproof.language.source import load
    from tpproof.limit.unroll import unroll as unrolled

    limits = limits_with(max_nodes)
    print_text(unrolled(load(net, overrides, functions, limits), steps, limits).text())
    return status.HOLDS


@click.command()
@click.argument("name", required=False)
@json_option
def zoo(name: str | None, as_json: bool) -> int:
    """List the built-in architectures, or print one as .tp text."""
    from tpproof import zoo as built_in

    if name is not None:
        text = built_in.text(name.removeprefix("zoo:"))
        print_json({"name": name, "text": text}) if as_json else print_text(text)
    elif as_json:
        print_json({"networks": [{"name": n, "summary": built_in.summary(n)} for n in built_in.names()]})
    else:
        rows: list[tuple[str, ...]] = [(f"zoo:{n}", built_in.summary(n)) for n in built_in.names()]
        print_text("\n".join(aligned(rows, "")))
    return status.HOLDS
