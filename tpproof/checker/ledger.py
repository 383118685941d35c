# The assumptions, recomputed from the network alone: class, bounds and sign of each node by the closure rules.

from collections import Counter
from fractions import Fraction
from functools import reduce
from math import ceil, inf
from typing import Any, NamedTuple

from .limits import BOUND, MAX_BITS
from .network import RESERVED, Network, fraction
from .report import within

Entry = tuple[str, str, int | None]  # status, reason, node
Bound = Fraction | float  # a float only for ±∞ (null in the certificate)
ZERO, ONE = Fraction(0), Fraction(1)
CLASSES, NAMES = ("smooth", "kinked", "violated"), "program readout smooth scalars moments loss A1 A2 A3 A4"


class Row(NamedTuple):
    lo: Bound = -inf
    hi: Bound = inf
    positive: bool = False  # always > 0
    kind: str = "smooth"
    reason: str = ""  # why it is violated


FIXED = {name: Row(-ONE, ONE) for name in ("tanh", "erf", "sin", "cos")}
FIXED |= {"sigmoid": Row(ZERO, ONE, True), "softplus": Row(ZERO, inf, True), "gelu": Row(-ONE), "silu": Row(-ONE)}
FIXED["step"] = Row(ZERO, ONE, False, "violated", "discontinuous")


def ledger(net: Network) -> list[dict[str, Any]]:
    rows, closure = derive(net), ("proved", "closure", None)

    def first(kind: str, letter: str, status: str) -> Entry | None:
        found = (k for k, row in enumerate(rows) if row.kind == kind and net.kinds[k] == letter)
        return next(((status, rows[k].reason or "kink", k) for k in found), None)

    calls = (k for k, node in enumerate(net.nodes) if node[0] == "call" and node[1] not in RESERVED)
    abstract: Entry = next((("declared", "abstract", k) for k in calls), closure)
    smooth = first("violated", "V", "violated") or first("kinked", "V", "conditional") or abstract
    scalars = first("violated", "S", "violated") or closure
    trained = [net.parameters[node[1]].trained for node in net.nodes if node[0] in ("embed", "param")]
    trained += [parameter.trained for parameter in net.parameters if parameter.kind in ("readout", "output_bias")]
    crossed = "no-contraction" if any((p, 1 - t) in net.gvars for p, t in net.gvars) else "holds"
    found: list[Entry] = [
        ("proved", "structural", None), ("proved", "structural", None), smooth, scalars, ("proved", "parity", None),
        ("declared", "user", None), ("proved", "D.4.1" if any(trained) else "holds", None),
        ("proved", "D.4.2" if net.contractions else crossed, min(net.contractions, default=None)),
        ("proved", "holds" if len(net.outputs) == 1 else "D.4.3", None),
        ("proved", "holds" if all(x in net.bit for terms, _ in net.outputs for x in terms.values()) else "D.4.4", None),
    ]  # fmt: skip
    each = [[k, row.kind, _text(row.lo), _text(row.hi), row.positive] for k, row in enumerate(rows)]
    return [{"derivation": each if name == "smooth" else None, "name": name, "node": k, "reason": why, "status": status}
            for name, (status, why, k) in zip(NAMES.split(), found, strict=True)]  # fmt: skip


# The axioms that the network calls for, and the verdict that a certificate of it has to bear.
def conclusions(net: Network, assumptions: list[dict[str, Any]]) -> tuple[list[str], str]:
    statuses = {entry["status"] for entry in assumptions}
    axioms = ["master-theorem", "conditioning", "linearization", "duality-lemma"]
    axioms += ["decontraction-lemma"] * bool(net.contractions) + ["stein"] * ("conditional" in statuses)
    verdict = "proved-by-execution" if net.contractions else "proved"
    return axioms, "refused" if "violated" in statuses else "conditional" if "conditional" in statuses else verdict


# The row of every node, in order: the worst of its own class and its arguments'; the first such gives the reason.
def derive(net: Network) -> list[Row]:
    rows: list[Row] = []
    for k, node in enumerate(net.nodes):
        arguments = net.arguments(k)
        row = _own(node, net.kinds[k], [(j, rows[j]) for j in arguments])
        read = [] if node[0] == "mean" else [rows[j] for j in arguments]
        worst = max([row, *read], key=lambda other: CLASSES.index(other.kind))
        lo, hi = row.lo if not _large(row.lo) else ZERO if row.lo >= 0 else -inf, inf if _large(row.hi) else row.hi
        rows.append(Row(lo, hi, row.positive, worst.kind, worst.reason))
    return rows


def _own(node: list[Any], kind: str, arguments: list[tuple[int, Row]]) -> Row:
    rows = [row for _, row in arguments]
    match node[0]:
        case "const" if type(node[1]) is str: return Row(fraction(node[1]), fraction(node[1]), fraction(node[1]) > 0)
        case "const": return Row() if (least := evident(node[1])) is None else Row(least, inf, True)
        case "ones": return Row(ONE, ONE, True)
        case "width": return Row(ONE, inf, True, "violated", "diverges")
        case "mean": return rows[0]._replace(kind="smooth", reason="")
        case "add":
            lo, hi = reduce(_plus, (row.lo for row in rows)), reduce(_plus, (row.hi for row in rows))
            return Row(lo, hi, lo > 0 or (all(row.lo >= 0 for row in rows) and any(row.positive for row in rows)))
        case "mul":
            (lo, hi), known = (ONE, ONE), dict(arguments)
            for j, m in Counter(j for j, _ in arguments).items():
                ends = [_times(x, y) for x in (lo, hi) for y in _power(known[j].lo, known[j].hi, m)]
                lo, hi = min(ends), max(ends)
            return Row(lo, hi, all(row.positive for row in rows))
        case "pow": return _pow(kind, rows[0], fraction(node[2]))
        case "call" if node[1] in RESERVED: return _call(node[1], kind == "V", rows[0])
    return Row()


def _pow(kind: str, base: Row, e: Fraction) -> Row:
    whole = e.denominator == 1
    if whole and e >= 0: return Row(*_power(base.lo, base.hi, int(e)), base.positive)
    valid = (base.hi < 0 and whole) or (base.lo > 0 if kind == "V" else base.positive if e < 0 else base.lo >= 0)
    reason = "not-bounded-away" if kind == "V" else "division"
    if e > 0 and (kind != "V" or base.lo < 0): reason = "undefined-power"
    bounds = _real_power(base, e)
    return bounds if valid else bounds._replace(kind="violated", reason=reason)


def _real_power(base: Row, e: Fraction) -> Row:
    m, whole = ceil(abs(e)), e.denominator == 1
    if base.lo < 0 and not (base.hi < 0 and whole): return Row()
    lo, hi = (base.lo, base.hi) if whole else (min(base.lo, ONE), max(base.hi, ONE))
    (lo, hi), positive = _power(lo, hi, m), base.positive if base.lo >= 0 else m % 2 == 0
    if e > 0: return Row(lo, hi, positive)
    return Row(_inverse(hi), inf if lo == 0 else _inverse(lo), positive) if hi != 0 else Row()


def _call(name: str, vector: bool, x: Row) -> Row:
    if name in FIXED: return FIXED[name]
    if name == "exp" and vector and x.hi == inf: return Row(ZERO, inf, True, "violated", "unbounded-exp")
    if name == "exp": return Row(ZERO, ONE if x.hi <= 0 else inf, True)
    signed = {"relu": x.lo >= 0 and x.positive, "abs": x.positive or x.hi < 0, "leaky_relu": False}[name]
    kind = "kinked" if vector and not signed else "smooth"
    if name == "relu": return Row(max(x.lo, ZERO), max(x.hi, ZERO), x.positive, kind)
    return Row(ZERO if name == "abs" else -inf, inf, signed, kind)


# A lower bound of a constant all of whose fractions outside exponents are > 0, else None.
def evident(constant: Any) -> Fraction | None:
    if type(constant) is str: return fraction(constant) if fraction(constant) > 0 else None
    if constant[0] == "pow":
        x, e = evident(constant[1]), fraction(constant[2])
        return None if x is None else ZERO if e < 0 else Fraction(_raise(min(x, ONE), ceil(e)))
    known: list[Bound] = [x for x in map(evident, constant[1]) if x is not None]
    if len(known) < len(constant[1]): return None
    return Fraction(reduce(_plus if constant[0] == "add" else _times, known))


# The interval {x^m: lo ≤ x ≤ hi}, or bounds of it.
def _power(lo: Bound, hi: Bound, m: int) -> tuple[Bound, Bound]:
    if m % 2 or lo >= 0 or m == 0: return _raise(lo, m), _raise(hi, m)
    return (_raise(hi, m), _raise(lo, m)) if hi <= 0 else (ZERO, max(_raise(lo, m), _raise(hi, m)))


def _raise(x: Bound, m: int) -> Bound:
    if m == 0 or x in (ZERO, ONE): return ONE if m == 0 else x
    return _bounded(x, m) if isinstance(x, Fraction) else inf if x > 0 or m % 2 == 0 else -inf


def _plus(x: Bound, y: Bound) -> Bound:
    if isinstance(x, Fraction) and isinstance(y, Fraction): return _bounded(x + y)
    return y if isinstance(x, Fraction) else x


def _times(x: Bound, y: Bound) -> Bound:
    if x == 0 or y == 0: return ZERO
    if isinstance(x, Fraction) and isinstance(y, Fraction): return _bounded(x * y)
    return inf if (x > 0) == (y > 0) else -inf


def _inverse(x: Bound) -> Bound: return 1 / x if isinstance(x, Fraction) else ZERO


def _bounded(x: Fraction, m: int = 1) -> Fraction:
    within(max(x.numerator.bit_length(), x.denominator.bit_length()) * m, MAX_BITS, "bits of a bound")
    return x**m


def _large(x: Bound) -> bool: return isinstance(x, Fraction) and (abs(x.numerator) > BOUND or x.denominator > BOUND)


def _text(x: Bound) -> str | None: return str(x) if isinstance(x, Fraction) else None
