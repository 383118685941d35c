"""Closed forms of E F(u) and E F(u) G(v), (u, v) centred Gaussian, F and G sums of terms, in any arithmetic.

A term is (coefficient, power n, base): coefficient · zⁿ · B(z), with B one of ("one",), ("step",) (1/2 at 0),
("erf", a) = erf(a z), ("exp", alpha, beta) = exp(alpha z² + beta z) with 2 alpha Var z < 1, ("sin", w), ("cos", w).
The formulas use + - * / ** and a namespace `m` (see `Namespace`); they branch on the terms and never on data, so one
text serves NumPy arrays, mpmath numbers, interval balls and the registers of a tile machine. Angles, J0 and J1 come
from the caller's `Pair`; `gaussian_pair` is the one of NumPy.

Supported products, each with all powers (S: yes; 0: yes if every exponential has beta = 0; -: `two` gives None):

=======  ===  ====  ===  ===  =======
         one  step  erf  exp  sin/cos
=======  ===  ====  ===  ===  =======
one      S    S     S    S    S
step     S    S     S    0    -
erf      S    S     S    0    -
exp      S    0     0    S    S
sin/cos  S    -     -    S    S
=======  ===  ====  ===  ===  =======

In doubles the error is a few roundings of √(E F(u)² E G(v)²) for each pair of terms, whatever the variances and the
angle, with these limits. Sums of terms that cancel, like 1 - cos z at small Var z, cancel here too. zⁿ sin(w z) loses
a factor (w² Var z)ⁿ near perfect correlation. w w' |c| must stay below 180000. exp with alpha > 0 or large beta is as
accurate as its exponents.

Sources: Cho & Saul (2009) for step, Williams (1997) for erf; powers by Stein's lemma, see `moments`.
"""

from __future__ import annotations

from tpproof.numerics.expectations.closed.arithmetic import MACHINE, Machine, Namespace, add, times
from tpproof.numerics.expectations.closed.difference import difference
from tpproof.numerics.expectations.closed.laws import Line, Pair, Plane
from tpproof.numerics.expectations.closed.moments import Moments
from tpproof.numerics.expectations.closed.operations import Counter, Counting
from tpproof.numerics.expectations.closed.pairs import NumberPair, gaussian_pair
from tpproof.numerics.expectations.closed.terms import Base, Number, Term, Terms, normal, products, supported

__all__ = [
    "MACHINE",
    "Base",
    "Machine",
    "Namespace",
    "NumberPair",
    "Pair",
    "Term",
    "Terms",
    "difference",
    "gaussian_pair",
    "one",
    "operations",
    "two",
]


def one(terms: Terms, p: Number, m: Namespace) -> Number:
    """E F(u), Var u = p.

    Parameters
    ----------
    terms
        F.
    p
        The variance; at 0 the value is F(0).
    m
        The arithmetic of p.

    Returns
    -------
    value
        Of p's kind and shape, or a constant of the arithmetic where it does not depend on p.
    """
    law, moments = Line(m, p), Moments(m)
    return _value(add(*(times(_constant(a, m), moments.line(law, n, base)) for a, n, base in normal(terms))), m)


def two(left: Terms, right: Terms, pair: Pair, m: Namespace) -> Number | None:
    """E[F(u) G(v)], or None where a product of bases has no closed form here.

    Parameters
    ----------
    left, right
        F and G.
    pair
        The law of (u, v); only what the formula needs is read.
    m
        The arithmetic of its numbers.

    Returns
    -------
    value
        Of the broadcast shape of the numbers that it depends on: a constant of the arithmetic if of none.
    """
    f, g = normal(left), normal(right)
    if not all(supported(s[2], t[2]) for s, t in products(f, g)):
        return None
    law, moments = Plane(pair, m), Moments(m)
    parts = (times(_product(s[0], t[0], m), moments.plane(law, s[1], t[1], s[2], t[2])) for s, t in products(f, g))
    return _value(add(*parts), m)


def operations(left: Terms, right: Terms) -> int | None:
    """How many operations `two` performs on the pair's numbers, a power being its products; None where `two` is None.

    Every intermediate value of the formulas is of the size of a product of the pieces' norms, and an operation adds
    about one rounding of that size. So operations · 2⁻⁵³ · Σ |coefficients' products| √(E B² E C²) is an estimate from
    above of two's error in doubles, usually a generous one; it is no proof, and says nothing of large exponents.
    """
    counter = Counter()
    value = Counting(counter)
    everything = NumberPair(*([value] * 11))
    return None if two(left, right, everything, counter) is None else counter.count


def _value(total: Number, m: Namespace) -> Number:
    """Zero and one as constants of the arithmetic."""
    return m.number(float(total or 0)) if total is None or isinstance(total, int) else total


def _constant(a: float, m: Namespace) -> Number:
    return 1 if a == 1 else m.number(a)


def _product(a: float, b: float, m: Namespace) -> Number:
    return 1 if a == b == 1 else m.number(a) * m.number(b)
