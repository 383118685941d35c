"""E(F(u) - F(v))² from d = Var(u - v), so that near-duplicates keep their relative accuracy."""

from __future__ import annotations

import math

from tpproof.numerics.expectations.closed.arithmetic import Namespace, add, tanh, times
from tpproof.numerics.expectations.closed.laws import Pair
from tpproof.numerics.expectations.closed.terms import ONE, STEP, TRIG, Base, Number, Terms, normal

TINY = 1e-300
"""Makes 0/0 a 0 at p = q = 0; below a rounding of anything else."""

_Coefficients = dict[tuple[int, Base], Number]


def difference(terms: Terms, pair: Pair, m: Namespace) -> Number | None:
    """E(F(u) - F(v))² without cancellation, or None where that is not known here.

    Known are, each with any constant added: polynomials; z, step and z step (ReLU, leaky ReLU, abs, sign);
    z and one erf; z, sin and cos of one frequency. `pair.d` is needed, and `pair.D1` where z step is.

    Parameters
    ----------
    terms
        F.
    pair
        The law of (u, v).
    m
        The arithmetic of its numbers.

    Returns
    -------
    value
        At least 0 up to rounding; its relative error is small where d's, θ's and D1's are.
    """
    coefficients = {(n, base): m.number(a) for a, n, base in normal(terms) if (n, base) != (0, ONE)}
    kinds = {base[0] for _, base in coefficients}
    if kinds <= {"one"}:
        total = _polynomial(coefficients, pair, m)
        return m.number(0.0) if total is None else total
    line = coefficients.pop((1, ONE), None)
    kinds = {base[0] for _, base in coefficients}
    if kinds == {"step"} and set(coefficients) <= {(0, STEP), (1, STEP)}:
        return _steps(line, coefficients.get((1, STEP)), coefficients.get((0, STEP)), pair, m)
    if any(n for n, _ in coefficients) or len({base[1:] for _, base in coefficients}) > 1:
        return None
    if kinds == {"erf"} and len(coefficients) == 1:
        (_, base), amount = coefficients.popitem()
        return _with_line(line, amount, _erf(m.number(base[1]), pair, m), _erf_line(m.number(base[1]), pair, m), pair)
    if kinds <= set(TRIG):
        return _waves(line, coefficients, pair, m)
    return None


def _with_line(line: Number, amount: Number, square: Number, cross: Number, pair: Pair) -> Number:
    """E(l (u - v) + a (B(u) - B(v)))² from its parts."""
    mixed = None if line is None else 2 * line * amount * cross
    return add(times(line, line, pair.d), amount * amount * square, mixed)


def _polynomial(coefficients: _Coefficients, pair: Pair, m: Namespace) -> Number:
    """With e = u - v and f = u + v: uⁿ - vⁿ = 2^(1-n) Σ_(j odd) C(n, j) eʲ f^(n-j), and moments of (e, f)."""
    odd: dict[tuple[int, int], Number] = {}
    for (n, _), a in coefficients.items():
        for j in range(1, n + 1, 2):
            odd[j, n - j] = a * math.comb(n, j) / m.number(2.0 ** (n - 1))
    if set(odd) <= {(1, 0)}:
        return times(odd.get((1, 0)), odd.get((1, 0)), pair.d)
    d, cross, total = pair.d, pair.p - pair.q, 2 * (pair.p + pair.q) - pair.d
    known: dict[tuple[int, int], Number] = {(0, 0): 1}
    items = list(odd.items())
    return add(
        *(times(a * b, _moment(i + k, j + n, d, cross, total, known)) for (i, j), a in items for (k, n), b in items)
    )


def _moment(i: int, j: int, d: Number, cross: Number, total: Number, known: dict[tuple[int, int], Number]) -> Number:
    """E eⁱ fʲ of variances d and total, covariance cross."""
    if (i + j) % 2:
        return None
    if (i, j) not in known:
        if i:
            same = times(i - 1, d, _moment(i - 2, j, d, cross, total, known)) if i > 1 else None
            known[i, j] = add(same, times(j, cross, _moment(i - 1, j - 1, d, cross, total, known)) if j else None)
        else:
            known[i, j] = times(j - 1, total, _moment(0, j - 2, d, cross, total, known))
    return known[i, j]


def _steps(line: Number, ramp: Number, jump: Number, pair: Pair, m: Namespace) -> Number:
    """F = slope · z for z < 0, (slope + ramp) z for z > 0, and a jump; E(step u - step v)² = θ/π.

    With slopes of one sign E = slope (slope + ramp) d + ramp² D1 has no negative part. With slopes of two signs F is
    even z + odd |z|, where the two do not mix and |u|, |v| may coincide without u, v doing so.
    """
    slope: Number = m.number(0.0) if line is None else line
    total = None
    if ramp is None:
        total = times(line, line, pair.d)
    elif line is None:
        total = times(ramp, ramp, pair.D1)
    elif _opposite(slope, slope + ramp):
        even = slope + ramp / 2
        total = add(None if even == 0 else even * even * pair.d, ramp * ramp / 4 * _absolute(pair, m))
    else:
        total = slope * (slope + ramp) * pair.d + ramp * ramp * pair.D1
    if jump is None:
        return total
    total = add(total, jump * jump * pair.theta / m.pi)
    even = slope + (0 if ramp is None else ramp / 2)
    if even == 0:
        return total
    half = m.sin(pair.theta / 2)  # E[(u - v)(step u - step v)] = (√p + √q)(1 - cos θ)/√(2π)
    sides = m.sqrt(pair.p) + m.sqrt(pair.q)
    return total + 2 * even * jump * sides * 2 * half * half / m.sqrt(2 * m.pi)


def _opposite(first: Number, second: Number) -> bool:
    """Whether two constants (not data) have opposite signs."""
    return float(first) * float(second) < 0


def _absolute(pair: Pair, m: Namespace) -> Number:
    """E(|u| - |v|)², which is 4 D1 - d, and Var(u + v) - 8 J1.

    The one is accurate where θ is small, the other where π - θ is; cos² and sin² of θ/2 weigh each down where it is
    not as strongly as its error grows.
    """
    half = m.sin(pair.theta / 2)
    weight = half * half
    sum_variance = pair.p + pair.q + 2 * pair.c
    return (1 - weight) * (4 * pair.D1 - pair.d) + weight * (sum_variance - 8 * pair.J1)


def _erf(a: Number, pair: Pair, m: Namespace) -> Number:
    """E(erf(a u) - erf(a v))² = (2/π)(φ(p, p) + φ(q, q) - 2 φ(p, q)), φ the arcsines.

    With P = 2 a² p, Q = 2 a² q, X = 2 a² c, R² = (1 + P)(1 + Q), ψ = φ(p, p) + φ(q, q) and φ = φ(p, q):
    cos 2φ - cos ψ = N/R² with N = 2 (P Q - X²) + (P - Q)²/(1 + P + Q + W), W² = (1 + 2 P)(1 + 2 Q), nothing cancels;
    from there half-angles lead to (ψ - 2 φ)/4, and |y| = √(y²) keeps both signs of y = sin φ accurate.
    """
    e = 2 * a * a
    p, q = e * pair.p, e * pair.q
    w = m.sqrt((1 + 2 * p) * (1 + 2 * q))
    one = 1 + p + q + w
    r2 = (1 + p) * (1 + q)
    r = m.sqrt(r2)
    lengths = (p - q) * (p - q) / one
    determinant = e * e * pair.determinant
    x2 = (2 * p * q + lengths) / (2 * r2)  # sin²(ψ/2)
    x, y = m.sqrt(x2), e * pair.c / r  # sin φ = y
    k = m.sqrt(1 + p + q + determinant) / r  # cos φ
    c2 = one / (2 * r2)  # cos²(ψ/2)
    size = m.sqrt(y * y)
    below = size - y
    gap = (2 * determinant + lengths) / (2 * r2) / (x + size + TINY) + below  # sin(ψ/2) - sin φ
    product = (c2 + x2 * k * k) / (1 + x * size) + x * below  # 1 - x y
    cosine = m.sqrt((product + m.sqrt(c2) * k) / 2)  # cos((ψ/2 + φ)/2)
    return 8 / m.pi * m.asin(gap / (2 * cosine))


def _erf_line(a: Number, pair: Pair, m: Namespace) -> Number:
    """E[(u - v)(erf(a u) - erf(a v))] = (d (g(p) + g(q)) + (p - q)(g(p) - g(q)))/2, g = E of the derivative."""
    e = 2 * a * a
    p, q = m.sqrt(1 + e * pair.p), m.sqrt(1 + e * pair.q)
    gap = pair.p - pair.q
    return a / m.sqrt(m.pi) * (pair.d * (p + q) - e * gap * gap / (p + q)) / (p * q)


def _waves(line: Number, coefficients: _Coefficients, pair: Pair, m: Namespace) -> Number:
    """With h = w² d/2, g = w² Var(u + v)/2 and y = w² (p - q), and 1 - exp(-h) = (1 + exp(-h)) tanh(h/2):

    E(sin - sin)² = (1 - e^-h)(1 + e^-g) - T, E(cos - cos)² = (1 - e^-h)(1 - e^-g) + T,
    T = e^(-w² (p + q)) (cosh y - 1); sin and cos do not mix, nor do z and cos.
    """
    base = next(iter(coefficients))[1]
    sine, cosine = coefficients.get((0, ("sin", base[1]))), coefficients.get((0, ("cos", base[1])))
    w2 = m.number(base[1]) * m.number(base[1])
    h, g = w2 * pair.d / 2, w2 * (2 * (pair.p + pair.q) - pair.d) / 2
    y = tanh(w2 * (pair.p - pair.q) / 2, m)
    left, right = m.exp(-w2 * pair.p), m.exp(-w2 * pair.q)
    uneven = (left + right) * (left + right) / 2 * y * y
    closeness, sum_wave = (1 + m.exp(-h)) * tanh(h / 2, m), m.exp(-g)
    total = None
    if cosine is not None:
        total = cosine * cosine * (closeness * (1 + sum_wave) * tanh(g / 2, m) + uneven)
    if sine is None:
        return add(total, times(line, line, pair.d))
    square = closeness * (1 + sum_wave) - uneven
    return add(total, _with_line(line, sine, square, _sine_line(base[1], pair, m), pair))


def _sine_line(frequency: float, pair: Pair, m: Namespace) -> Number:
    """E[(u - v)(sin w u - sin w v)], like `_erf_line` with g(p) = w exp(-w² p/2)."""
    w = m.number(frequency)
    left, right = m.exp(-w * w * pair.p / 2), m.exp(-w * w * pair.q / 2)
    gap = pair.p - pair.q
    return w * (left + right) / 2 * (pair.d - gap * tanh(w * w * gap / 4, m))
