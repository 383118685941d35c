"""The assumptions, recomputed from the network alone.

Each node gets a class, bounds and a sign by the closure rules of the format; the ledger is read off them. A bound is a
fraction or ±∞ (null in the certificate).
"""

from collections import Counter
from fractions import Fraction
from functools import reduce
from math import ceil, inf
from typing import Any, NamedTuple

from .limits import BOUND, MAX_BITS
from .network import RESERVED, Network, fraction
from .report import within

Bound = Fraction | float  # a float only for ±∞
ZERO, ONE = Fraction(0), Fraction(1)
CLASSES = ("smooth", "kinked", "violated")


class Row(NamedTuple):
    """What is known of a node: its class (and why, if violated), bounds, and whether it is always > 0."""

    lo: Bound = -inf
    hi: Bound = inf
    positive: bool = False
    kind: str = "smooth"
    reason: str = ""


FIXED = {name: Row(-ONE, ONE) for name in ("tanh", "erf", "sin", "cos")}
FIXED |= {"sigmoid": Row(ZERO, ONE, True), "softplus": Row(ZERO, inf, True), "gelu": Row(-ONE), "silu": Row(-ONE)}
FIXED["step"] = Row(ZERO, ONE, False, "violated", "discontinuous")


def ledger(net: Network) -> list[dict[str, Any]]:
    """Return the list of assumptions."""
    rows = derive(net)

    def first(kind: str, letter: str) -> int | None:
        return next((k for k, row in enumerate(rows) if row.kind == kind and net.kinds[k] == letter), None)

    violated, kinked, undefined = first("violated", "V"), first("kinked", "V"), first("violated", "S")
    calls = (k for k, node in enumerate(net.nodes) if node[0] == "call" and node[1] not in RESERVED)
    smooth: tuple[str, str, int | None] = ("proved", "closure", None)
    if violated is not None:
        smooth = ("violated", rows[violated].reason, violated)
    elif kinked is not None:
        smooth = ("conditional", "kink", kinked)
    elif (call := next(calls, None)) is not None:
        smooth = ("declared", "abstract", call)
    scalars = ("proved", "closure") if undefined is None else ("violated", rows[undefined].reason)
    used = {node[1] for node in net.nodes if node[0] in ("embed", "param")}
    used |= {p for p, parameter in enumerate(net.parameters) if parameter.kind in ("readout", "output_bias")}
    trained = any(net.parameters[p].trained for p in used)
    uses = {(node[1], node[2]) for node in net.nodes if node[0] == "matmul"}
    crossed = "no-contraction" if any((p, 1 - t) in uses for p, t in uses) else "holds"
    contracted = min(net.contractions, default=None)
    plain = all(net.nodes[x][0] in ("embed", "param", "matmul") for terms, _ in net.outputs for x in terms.values())
    derivation = [[k, row.kind, _text(row.lo), _text(row.hi), row.positive] for k, row in enumerate(rows)]
    found: list[tuple[str, str, str, int | None]] = [
        ("program", "proved", "structural", None),
        ("readout", "proved", "structural", None),
        ("smooth", *smooth),
        ("scalars", *scalars, undefined),
        ("moments", "proved", "parity", None),
        ("loss", "declared", "user", None),
        ("A1", "proved", "D.4.1" if trained else "holds", None),
        ("A2", "proved", crossed if contracted is None else "D.4.2", contracted),
        ("A3", "proved", "holds" if len(net.outputs) == 1 else "D.4.3", None),
        ("A4", "proved", "holds" if plain else "D.4.4", None),
    ]
    names = ("derivation", "name", "node", "reason", "status")
    entries = [(derivation if name == "smooth" else None, name, node, why, status) for name, status, why, node in found]
    return [dict(zip(names, entry, strict=True)) for entry in entries]


def conclusions(net: Network, assumptions: list[dict[str, Any]]) -> tuple[list[str], str]:
    """Return the axioms that the network calls for, and the verdict that a certificate of it has to bear."""
    statuses = {entry["status"] for entry in assumptions}
    axioms = ["master-theorem", "conditioning", "linearization", "duality-lemma"]
    axioms += ["decontraction-lemma"] if net.contractions else []
    axioms += ["stein"] if "conditional" in statuses else []
    verdict = "proved-by-execution" if net.contractions else "proved"
    return axioms, "refused" if "violated" in statuses else "conditional" if "conditional" in statuses else verdict


def derive(net: Network) -> list[Row]:
    """Return the row of every node, in order."""
    rows: list[Row] = []
    for k, node in enumerate(net.nodes):
        arguments = net.arguments(k)
        row = _own(node, net.kinds[k], [(j, rows[j]) for j in arguments])
        if node[0] != "mean":
            # the worst of its own class and its arguments'; the first of the worst gives the reason
            worst = max([row, *(rows[j] for j in arguments)], key=lambda other: CLASSES.index(other.kind))
            row = row._replace(kind=worst.kind, reason=worst.reason)
        lo = row.lo if not _large(row.lo) else ZERO if row.lo >= 0 else -inf
        rows.append(row._replace(lo=lo, hi=inf if _large(row.hi) else row.hi))
    return rows


def _own(node: list[Any], kind: str, arguments: list[tuple[int, Row]]) -> Row:
    rows = [row for _, row in arguments]
    match node[0]:
        case "const":
            if type(node[1]) is str:
                value = fraction(node[1])
                return Row(value, value, value > 0)
            least = evident(node[1])
            return Row() if least is None else Row(least, inf, True)
        case "ones":
            return Row(ONE, ONE, True)
        case "mean":
            return rows[0]._replace(kind="smooth", reason="")
        case "add":
            lo, hi = reduce(_plus, (row.lo for row in rows)), reduce(_plus, (row.hi for row in rows))
            some = all(row.lo >= 0 for row in rows) and any(row.positive for row in rows)
            return Row(lo, hi, lo > 0 or some)
        case "mul":
            lo, hi = ONE, ONE
            known = dict(arguments)
            for j, m in Counter(j for j, _ in arguments).items():
                ends = [_times(x, y) for x in (lo, hi) for y in _power(known[j].lo, known[j].hi, m)]
                lo, hi = min(ends), max(ends)
            return Row(lo, hi, all(row.positive for row in rows))
        case "pow":
            return _pow(kind, rows[0], fraction(node[2]))
        case "call" if node[1] in RESERVED:
            return _call(node[1], kind == "V", rows[0])
    return Row()


def _pow(kind: str, base: Row, e: Fraction) -> Row:
    whole = e.denominator == 1
    if whole and e >= 0:
        return Row(*_power(base.lo, base.hi, int(e)), base.positive)
    negative = base.hi < 0 and whole
    if kind == "V":
        valid, reason = base.lo > 0 or negative, "not-bounded-away" if e < 0 or base.lo >= 0 else "undefined-power"
    else:
        valid = base.positive or negative if e < 0 else base.lo >= 0
        reason = "division" if e < 0 else "undefined-power"
    bounds = _real_power(base, e)
    return bounds if valid else bounds._replace(kind="violated", reason=reason)


def _real_power(base: Row, e: Fraction) -> Row:
    m, whole = ceil(abs(e)), e.denominator == 1
    if base.lo >= 0:
        lo, hi = (base.lo, base.hi) if whole else (min(base.lo, ONE), max(base.hi, ONE))
        lo, hi = _raise(lo, m), _raise(hi, m)
        if e > 0:
            return Row(lo, hi, base.positive)
        return Row(_inverse(hi), _inverse(lo) if lo > 0 else inf, base.positive) if hi > 0 else Row()
    if base.hi < 0 and whole:
        lo, hi = _power(base.lo, base.hi, m)
        return Row(_inverse(hi), _inverse(lo), m % 2 == 0)
    return Row()


def _call(name: str, vector: bool, x: Row) -> Row:
    if name in FIXED:
        return FIXED[name]
    if name == "exp":
        row = Row(ZERO, ONE if x.hi <= 0 else inf, True)
        return row._replace(kind="violated", reason="unbounded-exp") if vector and x.hi == inf else row
    if name == "relu":
        kinked = vector and not (x.lo >= 0 and x.positive)
        return Row(max(x.lo, ZERO), max(x.hi, ZERO), x.positive, "kinked" if kinked else "smooth")
    if name == "leaky_relu":
        return Row(kind="kinked" if vector else "smooth")
    signed = x.positive or x.hi < 0  # abs
    return Row(ZERO, inf, signed, "kinked" if vector and not signed else "smooth")


def evident(constant: Any) -> Fraction | None:
    """Return a lower bound of a constant all of whose fractions outside exponents are > 0, else None."""
    if type(constant) is str:
        value = fraction(constant)
        return value if value > 0 else None
    if constant[0] == "pow":
        x, e = evident(constant[1]), fraction(constant[2])
        return None if x is None else ZERO if e < 0 else Fraction(_raise(min(x, ONE), ceil(e)))
    known: list[Bound] = [x for x in map(evident, constant[1]) if x is not None]
    start: Bound = ZERO if constant[0] == "add" else ONE
    total = reduce(_plus if constant[0] == "add" else _times, known, start)
    return Fraction(total) if len(known) == len(constant[1]) else None


def _power(lo: Bound, hi: Bound, m: int) -> tuple[Bound, Bound]:
    """Return the interval {x^m: lo ≤ x ≤ hi}, or bounds of it."""
    if m % 2 or lo >= 0:
        return _raise(lo, m), _raise(hi, m)
    if m == 0:
        return ONE, ONE
    return (_raise(hi, m), _raise(lo, m)) if hi <= 0 else (ZERO, max(_raise(lo, m), _raise(hi, m)))


def _raise(x: Bound, m: int) -> Bound:
    if m == 0 or x in (ZERO, ONE):
        return ONE if m == 0 else x
    if not isinstance(x, Fraction):
        return inf if x > 0 or m % 2 == 0 else -inf
    within(max(x.numerator.bit_length(), x.denominator.bit_length()) * m, MAX_BITS, "bits of a bound")
    return x**m


def _plus(x: Bound, y: Bound) -> Bound:
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return _bounded(x + y)
    return y if isinstance(x, Fraction) else x


def _times(x: Bound, y: Bound) -> Bound:
    if x == 0 or y == 0:
        return ZERO
    if isinstance(x, Fraction) and isinstance(y, Fraction):
        return _bounded(x * y)
    return inf if (x > 0) == (y > 0) else -inf


def _inverse(x: Bound) -> Bound:
    return 1 / x if isinstance(x, Fraction) else ZERO


def _bounded(x: Fraction) -> Fraction:
    within(max(x.numerator.bit_length(), x.denominator.bit_length()), MAX_BITS, "bits of a bound")
    return x


def _large(x: Bound) -> bool:
    return isinstance(x, Fraction) and (abs(x.numerator) > BOUND or x.denominator > BOUND)


def _text(x: Bound) -> str | None:
    return str(x) if isinstance(x, Fraction) else None
