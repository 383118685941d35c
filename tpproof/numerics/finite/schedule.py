"""The order of work: stages that end where sums over all coordinates are needed.

A program's own order would multiply a matrix by one vector at a time. Stages put all products that can be formed
together side by side, so a layer's vectors at all positions and all inputs are one block.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tpproof.errors import TpproofError
from tpproof.program.model import GVAR_OPS, Kind, Program

BARRIERS = ("matmul", "mean")
"""What needs whole vectors, not coordinates one by one."""


@dataclass(frozen=True)
class Group:
    """Coordinatewise nodes of one stage and one length, in program order.

    Attributes
    ----------
    width
        Their length over n.
    nodes
        The nodes.
    reads
        The vectors that they read and that are not among them.
    keeps
        Those of the nodes that somebody else reads.
    """

    width: Fraction
    nodes: tuple[int, ...]
    reads: tuple[int, ...]
    keeps: tuple[int, ...]


@dataclass(frozen=True)
class Stage:
    """What happens between two barriers.

    Attributes
    ----------
    initial
        Embedded inputs and vector parameters.
    products
        Matrix products by symbol (parameter, transposed).
    means
        Moments.
    scalars
        Functions of scalars, constants, and vectors whose coordinates are all equal (made of `ones`).
    groups
        The coordinatewise rest.
    """

    initial: tuple[int, ...]
    products: tuple[tuple[tuple[int, bool], tuple[int, ...]], ...]
    means: tuple[int, ...]
    scalars: tuple[int, ...]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Schedule:
    """Stages, and when vectors are read last.

    Attributes
    ----------
    stages
        In order.
    level
        The stage of every node.
    single
        Whether a node is one number for each input: scalars, constants, multiples of `ones`.
    wanted
        Whether an error signal at a node moves a trained parameter (or is asked for).
    last
        The last stage of the forward pass that reads a node; the number of stages if an output does.
    first
        The stage after which, backward, a node's error signal is complete: the first that reads it, or 0.
    """

    program: Program
    stages: tuple[Stage, ...]
    level: tuple[int, ...]
    single: tuple[bool, ...]
    wanted: tuple[bool, ...]
    last: tuple[int, ...]
    first: tuple[int, ...]


def schedule(program: Program, every_signal: bool = False) -> Schedule:
    """The stages of a program.

    Parameters
    ----------
    program
        The network.
    every_signal
        Error signals of all vectors, not only those that training needs.
    """
    for name, _ in program.functions:
        raise TpproofError("E150", f"the abstract nonlinearity {name}", f"a known function: --set {name}=tanh")
    nodes = program.nodes
    level: list[int] = []
    single: list[bool] = []
    wanted: list[bool] = []
    for k, node in enumerate(nodes):
        level.append(max((level[a] for a in node.args), default=0) + (node.op in BARRIERS))
        single.append(program.kinds[k] is not Kind.VECTOR or program.widths[k] is None)
        wanted.append(any(wanted[a] for a in node.args))
        if node.op in GVAR_OPS:
            wanted[k] = wanted[k] or every_signal or program.parameters[node.data[0]].trained
    count = 1 + max(level, default=0)
    readers: list[list[int]] = [[] for _ in nodes]
    for k, node in enumerate(nodes):
        for a in node.args:
            readers[a].append(k)
    shown = {x for out in program.outputs for _, x in out.terms}
    last = [count if k in shown else max((level[j] for j in read), default=level[k]) for k, read in enumerate(readers)]
    first = [0 if k in shown or any(nodes[j].op in BARRIERS for j in read) else min((level[j] for j in read), default=0)
             for k, read in enumerate(readers)]  # fmt: skip
    members: list[list[int]] = [[] for _ in range(count)]
    for k in range(len(nodes)):
        members[level[k]].append(k)
    kept = [k in shown or any(level[j] != level[k] or nodes[j].op in BARRIERS for j in readers[k])
            for k in range(len(nodes))]  # fmt: skip
    stages = tuple(_stage(program, inside, single, kept) for inside in members)
    return Schedule(program, stages, tuple(level), tuple(single), tuple(wanted), tuple(last), tuple(first))


def _stage(program: Program, members: list[int], single: list[bool], kept: list[bool]) -> Stage:
    nodes = program.nodes
    products: dict[tuple[int, bool], list[int]] = {}
    for k in members:
        if nodes[k].op == "matmul":
            products.setdefault(program.symbol(k), []).append(k)
    initial = tuple(k for k in members if nodes[k].op in ("embed", "param"))
    means = tuple(k for k in members if nodes[k].op == "mean")
    scalars = tuple(k for k in members if single[k] and nodes[k].op != "mean")
    local: dict[Fraction, list[int]] = {}
    for k in members:
        width = program.widths[k]
        if width is not None and not single[k] and nodes[k].op not in GVAR_OPS:
            local.setdefault(width, []).append(k)
    groups = tuple(_group(program, width, inside, single, kept) for width, inside in local.items())
    return Stage(initial, tuple((s, tuple(m)) for s, m in products.items()), means, scalars, groups)


def _group(program: Program, width: Fraction, members: list[int], single: list[bool], kept: list[bool]) -> Group:
    inside = set(members)
    reads = {a for k in members for a in program.nodes[k].args if not single[a] and a not in inside}
    return Group(width, tuple(members), tuple(sorted(reads)), tuple(k for k in members if kept[k]))
