"""A proved kernel as a Python module that needs NumPy only: readable, and the same numbers as the package's own."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence

from tpproof.errors import TpproofError
from tpproof.numerics.emit.expectations import Expectations
from tpproof.numerics.emit.graph import graph_of, reference
from tpproof.numerics.emit.helpers import with_uses
from tpproof.numerics.emit.statements import Writer
from tpproof.numerics.reduction.plan import Plan
from tpproof.program.model import Input

LINES = 2000
"""Longer modules are refused."""

_HASH = re.compile(r"[0-9a-f]{64}\Z")
_SAFE = re.compile(r"[A-Za-z0-9_ .,:;+*/()\[\]=-]")
_RESERVED = {"np", "x", "row", "col", "kernel", "erf", "inputs", "n"}


def emit_numpy(
    plan: Plan,
    program_name: str,
    sha256: str,
    certificate_sha256: str | None = None,
    *,
    inputs: Sequence[Input],
) -> str:
    """The text of a module with ``kernel(x1, x2=None)``, which returns the pair (ntk, nngp).

    Parameters
    ----------
    plan
        Of the proved network.
    program_name
        For the docstring; anything but plain characters is written as its code point.
    sha256, certificate_sha256
        Hex digests of the network's canonical form and of the certificate's file, if there is one.
    inputs
        The program's inputs: their names and parts.

    Returns
    -------
    text
        ASCII, deterministic, at most 100 columns wide.

    Raises
    ------
    TpproofError
        E141 for a function that has neither a closed form nor a Hermite expansion, E104 for a module of more than
        2000 lines, E142 for what is no digest.
    """
    for digest in (sha256, certificate_sha256):
        if digest is not None and not _HASH.match(digest):
            raise TpproofError("E142", f"the digest {digest[:80]!r}", "64 hexadecimal digits")
    expectations = Expectations()
    names = _arguments(inputs)
    writer = Writer(graph_of(plan), lambda i, a, side: _place(names, inputs, i, a, side), len(inputs), expectations)
    writer.write()
    text = "\n".join([
        _docstring(program_name, sha256, certificate_sha256, len(plan.kernels["ntk"])),
        _imports(expectations),
        *(f"\n{part}" for part in (*with_uses(expectations.helpers), *expectations.functions.values())),
        *_signature(names, inputs, writer),
        *writer.lines,
        *_result(plan, writer),
        "",
    ])  # fmt: skip
    count = text.count("\n")
    if count > LINES:
        found = f"an emitted module of {count} lines"
        raise TpproofError("E104", found, f"at most {LINES}; `tpproof kernel` without --emit has no such limit")
    return text


def plain(name: str) -> str:
    """A stranger's name as harmless ASCII on one line: what ends a docstring or turns text around is spelled out."""
    return "".join(ch if _SAFE.match(ch) else f"<U+{ord(ch):04X}>" for ch in name[:200])


def _arguments(inputs: Sequence[Input]) -> list[str]:
    """The first halves of the arguments' names."""
    if len(inputs) == 1:
        return ["x"]
    found: list[str] = []
    for i, one in enumerate(inputs):
        name = one.name
        good = re.fullmatch(r"[a-z][a-z0-9_]{0,20}", name, re.ASCII) and not keyword.iskeyword(name)
        found.append(f"{name}_" if good else f"input{i}_")
    return found if len(set(found)) == len(found) else [f"input{i}_" for i in range(len(inputs))]


def _place(names: Sequence[str], inputs: Sequence[Input], i: int, a: int, side: str) -> str:
    base = f"{names[i]}{side}" if side else names[i].removesuffix("_")
    if side == "" and len(inputs) > 1:
        base = f"{names[i]}all"
    return base if inputs[i].count is None or a < 0 else f"{base}[:, {a}]"


def _docstring(name: str, sha256: str, certificate: str | None, outputs: int) -> str:
    shown = plain(name)
    hashes = f"network      sha256 {sha256}\n"
    if certificate:
        hashes += f"certificate  sha256 {certificate}\n"
        hashes += "To verify: `tpproof check` the certificate that has this hash; it holds the network's, too."
    else:
        hashes += "To verify: `tpproof prove` the network, then `tpproof check` the certificate that this writes."
    shape = "(N1, N2)" if outputs == 1 else f"({outputs}, {outputs}, N1, N2)"
    return f'''"""The limiting kernel of the network {shown[:60]}, written by tpproof.

kernel(...) returns (ntk, nngp), each of shape {shape}: K(x, x') of Eq. (96), which is (100),
by which the network's output moves in the infinite-width limit, and E f(x) f(x') at the start.

{hashes}

Of Gaussian pairs (u, v) of pre-activations at x and x': q variances, k covariances, e excesses
2 (sqrt(Var u Var v) - Cov(u, v)), m = E[phi(u) phi(v)], kdot = E[phi'(u) phi'(v)], theta path sums.
"""
'''


def _imports(expectations: Expectations) -> str:
    text = "import numpy as np\n"
    return text + ("from scipy.special import erf\n" if "import erf" in expectations.helpers else "")


def _signature(names: Sequence[str], inputs: Sequence[Input], writer: Writer) -> list[str]:
    first, second = [f"{n}1" for n in names], [f"{n}2" for n in names]
    arguments = ", ".join([*first, *(f"{n}=None" for n in second)])
    shapes = [f"(N, {'' if i.count is None else f'{i.count}, '}d)" for i in inputs]
    each = f"{first[0]} and {second[0]} of shape {shapes[0]}"
    if len(inputs) > 1:
        each = "; ".join(f"{a}, {b}: {shape}" for a, b, shape in zip(first, second, shapes, strict=True))
    lines = ["", f"def kernel({arguments}):"]
    lines += ['    """The limits (ntk, nngp) at all pairs of a first and a second input.', ""]
    lines += [f"    Arrays {each}; without the second: of the first with themselves.", '    """']
    for name, a, b, one in zip(names, first, second, inputs, strict=True):
        whole = _place([name], [one], 0, -1, "") if len(names) == 1 else f"{name}all"
        lines.append(f"    {a} = np.asarray({a}, dtype=float)")
        lines.append(f"    {whole} = {a} if {b} is None else np.concatenate([{a}, np.asarray({b}, dtype=float)])")
        lines.append(f"    {b} = {a} if {b} is None else np.asarray({b}, dtype=float)")
        count = "d" if one.count is None else f"{one.count}, d"
        test = f"{a}.ndim != {2 if one.count is None else 3}"
        test += "" if one.count is None else f" or {a}.shape[1] != {one.count}"
        lines.append(f"    if {test}:")
        lines.append(f'        raise ValueError(f"expected shape (N, {count}), found {{{a}.shape}}")')
    body = "\n".join(writer.lines)
    if "row(" in body or "col(" in body:
        lines += [
            "", "    def row(own):", f"        return own[: len({first[0]}), None]", "",
            "    def col(own):", f"        return own[None, -len({second[0]}) :]", "",
        ]  # fmt: skip
    return lines


def _result(plan: Plan, writer: Writer) -> list[str]:
    tables = {name: plan.kernels[name] for name in ("ntk", "nngp")}
    first = writer.place(0, -1, "1"), writer.place(0, -1, "2")
    shape = f"len({first[0]}), len({first[1]})"
    count = len(tables["ntk"])
    if count > 1:
        lines = [f"    kernels = np.zeros((2, {count}, {count}, {shape}))  # of outputs o, p"]
        for i, table in enumerate(tables.values()):
            for o, row in enumerate(table):
                kept = [(p, slot) for p, slot in enumerate(row) if slot is not None]
                lines += [f"    kernels[{i}, {o}, {p}] = {_final(writer, slot)}" for p, slot in kept]
        return [*lines, "    return kernels[0], kernels[1]"]
    texts = []
    for table in tables.values():
        slot = table[0][0]
        text = "0.0" if slot is None else _final(writer, slot)
        full = slot is not None and ("pair", slot) in writer.full
        texts.append(text if full else f"np.zeros(({shape})) + {text}")
    return [f"    return {', '.join(texts)}"]


def _final(writer: Writer, slot: int) -> str:
    return writer.read(reference(writer.graph, ("pair", slot)))[0]
