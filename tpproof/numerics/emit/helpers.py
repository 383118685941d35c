"""Functions that emitted modules define at their top, as text: only those that are used are printed."""

from __future__ import annotations

TEXTS = {
    "excess": '''\
def excess(x, y):
    """2 (|x| |y| - x.y)/d from distances of unit vectors: nothing cancels where it is small."""
    a, b = np.sqrt(np.square(x).sum(axis=-1)), np.sqrt(np.square(y).sum(axis=-1))
    x, y = x / np.where(a > 0, a, 1)[:, None], y / np.where(b > 0, b, 1)[:, None]
    return np.stack([np.square(y - u).sum(axis=1) * r * b for u, r in zip(x, a)]) / x.shape[1]
''',
    "own_excess": '''\
def own_excess(x, y):
    """2 (|x| |y| - x.y)/d, row by row."""
    a, b = np.sqrt(np.square(x).sum(axis=-1)), np.sqrt(np.square(y).sum(axis=-1))
    x, y = x / np.where(a > 0, a, 1)[:, None], y / np.where(b > 0, b, 1)[:, None]
    return np.square(x - y).sum(axis=1) * a * b / x.shape[1]
''',
    "distance": '''\
def distance(x, y):
    """|x - y|^2/d of all pairs of rows."""
    return np.stack([np.square(y - u).sum(axis=1) for u in x]) / x.shape[1]
''',
    "differ": '''\
def differ(*pairs):
    """0 where two inputs are equal in all parts, 1 where they are not."""
    same = [np.stack([(y == u).reshape(len(y), -1).all(axis=1) for u in x]) for x, y in pairs]
    return 1.0 - np.logical_and.reduce(same)
''',
    "share": '''\
def share(part, total):
    """sqrt(part)/total^(1/4), 0 where total = 0."""
    return np.sqrt(part) / np.where(total > 0, total, 1) ** 0.25
''',
    "angle": '''\
def angle(p, q, c, e):
    """The angle between u and v, in [0, pi]: from e = 2 (sqrt(p q) - c) where that is small."""
    root = np.sqrt(p) * np.sqrt(q)
    scale = np.where(root > 0, root, 1)
    near = np.clip(np.where(e < root, e / (2 * scale), 1 - c / scale), 0, 2)  # 1 - cos(angle)
    near = np.where(root > 0, near, 1)
    return 2 * np.arctan2(np.sqrt(near), np.sqrt(2 - near))
''',
    "ramp_excess": '''\
def ramp_excess(p, q, c, e):
    """What e becomes under relu: 2 (sqrt(E relu(u)^2 E relu(v)^2) - E[relu(u) relu(v)])."""
    t = angle(p, q, c, e)
    versine = 2 * np.sin(t / 2) ** 2
    return np.sqrt(p) * np.sqrt(q) * (versine - (np.sin(t) - t * np.cos(t)) / np.pi)
''',
    "correlation": '''\
def correlation(p, q, c):
    """c/sqrt(p q) in [-1, 1]; 0 where p q = 0."""
    root = np.sqrt(p) * np.sqrt(q)
    return np.clip(c / np.where(root > 0, root, 1), -1, 1)
''',
    "sigmoid": '''\
def sigmoid(z):
    """1/(1 + exp(-z))."""
    return 0.5 * (1 + np.tanh(0.5 * z))
''',
    "mean": '''\
NODES = np.linspace(-14, 14, 897)  # the trapezoid rule is spectrally accurate here
ROOT = np.sqrt(NODES[1] - NODES[0]) * np.exp(-np.square(NODES) / 4) / (2 * np.pi) ** 0.25


def mean(f, q):
    """E f(u), u ~ N(0, q)."""
    return f(np.sqrt(q)[..., None] * NODES) @ np.square(ROOT)
''',
    "mean_square": '''\
def mean_square(f, q):
    """E f(u)^2, u ~ N(0, q)."""
    return mean(lambda z: np.square(f(z)), q)
''',
    "hermite": '''\
def hermite(f, p, g, q, c):
    """E[f(u) g(v)] = sum_k a_k(p) b_k(q) rho^k (Mehler), a, b Hermite coefficients of f and g.

    As many terms as bring Parseval's tails E f(u)^2 - sum_k a_k(p)^2 below 1e-13 of E f(u)^2,
    which is about the error. Variances of 0.1 to 10 take tens to hundreds of terms.
    """
    values = [h(np.sqrt(s)[..., None] * NODES) * ROOT for h, s in ((f, p), (g, q))]
    left = [np.square(v).sum(axis=-1) for v in values]
    limits = [1e-13 * total for total in left]
    rho, power, total = correlation(p, q, c), 1.0, 0.0
    previous, polynomial = 0.0, ROOT
    for k in range(3000):
        a, b = (v @ polynomial for v in values)
        total = total + a * b * power
        left = [rest - np.square(s) for rest, s in zip(left, (a, b))]
        if all(np.all(rest <= limit) for rest, limit in zip(left, limits)):
            return total
        power = power * rho
        following = (NODES * polynomial - np.sqrt(k) * previous) / np.sqrt(k + 1)
        previous, polynomial = polynomial, following
    raise ValueError("a Hermite expansion of more than 3000 terms: the variances are too large")
''',
    "erf_erf": '''\
def erf_erf(a, b, p, q, c):
    """E[erf(a u) erf(b v)] (Williams 1997); the arcsine is taken so that it is accurate near 1."""
    determinant = np.maximum(p * q - c * c, 0)
    x = 2 * a * b * c
    y = 1 + 2 * a**2 * p + 2 * b**2 * q + (2 * a * b) ** 2 * determinant
    return 2 / np.pi * np.arctan2(x, np.sqrt(y))
''',
    "sin_sin": '''\
def sin_sin(a, b, p, q, c):
    """E[sin(a u) sin(b v)]."""
    size = (a**2 * p + b**2 * q) / 2
    return (np.exp(a * b * c - size) - np.exp(-a * b * c - size)) / 2
''',
    "cos_cos": '''\
def cos_cos(a, b, p, q, c):
    """E[cos(a u) cos(b v)]."""
    size = (a**2 * p + b**2 * q) / 2
    return (np.exp(a * b * c - size) + np.exp(-a * b * c - size)) / 2
''',
}
"""Name → text; the order is that of printing."""

USES = {"mean_square": ("mean",), "ramp_excess": ("angle",), "hermite": ("mean", "correlation")}


def with_uses(names: set[str]) -> list[str]:
    """The texts of some helpers and of those that they call."""
    wanted = set(names)
    for name in names:
        wanted.update(USES.get(name, ()))
    return [text for name, text in TEXTS.items() if name in wanted]
