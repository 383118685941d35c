"""Numbers as finite networks give them: mean 1 + O(1/n), deviation O(n^-1/2), skewed, in many independent columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.crosscheck.verdict.statistics import Compared, Findings, examine

Table = np.ndarray[Any, np.dtype[np.float64]]
Law = Callable[[np.random.Generator, int, tuple[int, int]], Table]


def normal(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
    return 1 + 5 / n + 2 / np.sqrt(n) * rng.standard_normal(shape)


def chi_square(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
    """Skewness 4/√n, bias 5/n."""
    return rng.gamma(n / 4, 4 / n, shape) * (1 + 5 / n)


def lognormal(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
    """Skewness 9/√n, bias 4.5/n."""
    return np.exp(3 / np.sqrt(n) * rng.standard_normal(shape))


def product(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
    """Of four layers, with a bias of two orders."""
    layers = [rng.gamma(n / 2, 2 / n, shape) for _ in range(4)]
    return np.asarray(np.prod(layers, axis=0) * (1 + 10 / n + 100 / n**2))


def mixture(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
    """No Gaussian at n = ∞ either: as trajectories are, whose deviation is in proportion to f − y."""
    return 1 + 3 / n + 2 / np.sqrt(n) * rng.standard_normal(shape) * rng.standard_normal(shape)


def degenerate(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
    """The square of a mean that is 0 in the limit: deviation and bias both O(1/n), skewness √8 at every width."""
    return 1 + rng.chisquare(1, shape) / n


LAWS: tuple[Law, ...] = (normal, chi_square, lognormal, product, mixture, degenerate)


def quantities(count: int, kind: Kind = Kind.KERNEL) -> tuple[Quantity, ...]:
    return tuple(Quantity(kind, (0, 0, 0, i), f"K(ξ̃, ξ{i})", "(100)") for i in range(count))


def draw(law: Law, design: Mapping[int, int], count: int, seed: int) -> Samples:
    """A column a quantity; `design` is width → samples."""
    rng = np.random.default_rng(seed)
    return Samples(quantities(count), {n: law(rng, n, (m, count)) for n, m in design.items()})


def examined(
    samples: Samples, limits: Table, errors: Table | None = None, beyond: Table | None = None, **options: float
) -> Findings:
    """Of quantities that all have the same networks."""
    return examine(Compared(samples, limits, errors, beyond), **options)
