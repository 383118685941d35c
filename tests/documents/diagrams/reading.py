"""Reading a drawn SVG back, and what it has to show, found from the instructions alone."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter

from tpproof.program.model import Kind, Program

SVG = "{http://www.w3.org/2000/svg}"

EdgeKey = tuple[str, str, str]
"""From, to, and the matrix of a dashed one."""


def group(drawn: str, name: str) -> list[ET.Element]:
    """What stands in one of the groups of an SVG."""
    return next(g for g in ET.fromstring(drawn) if g.get("id") == name).findall("*")


def words(element: ET.Element) -> str:
    """A text without its slants and indices."""
    return "".join(element.itertext()).strip()


def nodes(drawn: str) -> Counter[str]:
    """How often each symbol is drawn."""
    return Counter(str(g.get("data-node")) for g in group(drawn, "nodes"))


def edges(drawn: str) -> list[EdgeKey]:
    """Every line, with the matrix that stands at its end."""
    labels = iter(words(text) for text in group(drawn, "matrices"))
    return [
        (str(e.get("data-from")), str(e.get("data-to")), next(labels) if "matmul" in str(e.get("class")) else "")
        for e in group(drawn, "edges")
    ]


def wanted_edges(program: Program, drawn: set[str]) -> list[EdgeKey]:
    """What has to be drawn between these symbols."""

    def below(k: int) -> set[int]:
        found: set[int] = set()
        for a in program.nodes[k].args:
            found |= {a} if str(a) in drawn else below(a)
        return found

    def matrix(p: int, transposed: bool) -> str:
        return program.parameters[p].name + ("⊤" if transposed else "")

    found = []
    for k, node in enumerate(program.nodes):
        if str(k) in drawn:
            label = matrix(*node.data) if node.op == "matmul" else ""
            found += [(str(a), str(k), label) for a in below(k)]
    for o, out in enumerate(program.outputs):
        found += [(str(x), f"f{o}", matrix(v, True)) for v, x in out.terms]
    return found


def unshown(program: Program, drawn: set[str]) -> list[int]:
    """Instructions that are neither symbols nor rightly part of one other instruction's."""
    found = []
    for k, node in enumerate(program.nodes):
        readers = [r for r, other in enumerate(program.nodes) if k in other.args]
        if str(k) in drawn or program.kinds[k] is Kind.CONSTANT or node.op == "ones":
            continue
        part = len(readers) == 1 and node.op not in ("embed", "param", "matmul", "mean")
        part = part and (program.kinds[readers[0]] is program.kinds[k] or program.nodes[readers[0]].op == "mean")
        if not part or any(k == x for out in program.outputs for _, x in out.terms):
            found.append(k)
    return found


def plain(label: str) -> str:
    """A matrix without the signs that separate its indices, which are set, not spelt."""
    return label.replace("_", "").replace(",", "")


def complete(program: Program, drawn: str) -> bool:
    """Whether every symbol and every edge is drawn, once, and nothing else."""
    found = nodes(drawn)
    have = Counter((a, b, plain(m)) for a, b, m in edges(drawn))
    want = Counter((a, b, plain(m)) for a, b, m in wanted_edges(program, set(found)))
    outputs = {f"f{o}" for o in range(len(program.outputs))}
    return have == want and max(found.values()) == 1 and outputs <= set(found) and not unshown(program, set(found))
