"""A matrix of which only products exist behaves as a matrix, and its law is that of iid Gaussian entries.

Statistical tests state their chance of a false alarm; seeds are fixed, so each either holds or does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.numerics.finite.helpers import Array, completed
from tpproof.errors import TpproofError
from tpproof.numerics.finite.basis import Basis
from tpproof.numerics.finite.embedding import Embedding
from tpproof.numerics.finite.matrices import DOMAIN, RANGE, DenseMatrix, ExactMatrix
from tpproof.numerics.finite.space import Space

ALARM = 1e-5
"""The chance of a false alarm of one statistical test."""
SAMPLERS: list[Callable[..., Any]] = [ExactMatrix, DenseMatrix]


def vectors(count: int, length: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((count, length))


@pytest.mark.parametrize("rows, cols", [(40, 40), (60, 20), (20, 60), (5, 7)])
@pytest.mark.parametrize("sampler", SAMPLERS)
def test_it_is_one_linear_map_and_its_transpose(sampler: Callable[..., Any], rows: int, cols: int) -> None:
    w = sampler(Space(8, seed=3), rows, cols, 1.5, 0)
    x, y = vectors(4, cols, 1), vectors(5, rows, 2)
    first = w.apply(x[:2])
    back = w.apply_transposed(y[:3])
    rest = w.apply(x[2:])
    more = w.apply_transposed(y[3:])
    wx, wty = np.concatenate([first, rest]), np.concatenate([back, more])
    np.testing.assert_allclose(w.apply(x), wx, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(w.apply_transposed(y), wty, rtol=1e-11, atol=1e-11)
    c = vectors(3, 4, 5)
    np.testing.assert_allclose(w.apply(c @ x), c @ wx, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(y @ wx.T, wty @ x.T, rtol=1e-10, atol=1e-9)


@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.lists(st.tuples(st.booleans(), st.integers(1, 4),
       st.sampled_from([0.0, 1e-14, 1e-11, 1e-7, 1e-3, 1.0, 1e5])), min_size=1, max_size=6))  # fmt: skip
@example(344, 1, 7, [(False, 3, 1.0), (True, 2, 0.0), (False, 3, 0.0), (True, 4, 0.0), (False, 4, 1.0)])
@settings(max_examples=150, deadline=None)
def test_whatever_is_multiplied_in_whatever_order(
    seed: int, rows: int, cols: int, calls: list[tuple[bool, int, float]]
) -> None:
    """Zero vectors, repeated ones, nearly dependent ones, more vectors than dimensions: still one matrix."""
    random = np.random.default_rng(seed)
    w = ExactMatrix(Space(8, seed=seed), rows, cols, 1.0, 0)
    seen: dict[bool, list[Array]] = {False: [np.zeros((1, cols))], True: [np.zeros((1, rows))]}
    made: dict[bool, list[Array]] = {False: [np.zeros((1, rows))], True: [np.zeros((1, cols))]}
    for transposed, count, change in calls:
        old = np.concatenate(seen[transposed])
        x = random.standard_normal((count, len(old))) @ old + change * random.standard_normal((count, old.shape[1]))
        seen[transposed].append(x)
        made[transposed].append(w.product(x, transposed).value)
    whole = completed(w, 1)
    for transposed in (False, True):
        x, y = np.concatenate(seen[transposed]), np.concatenate(made[transposed])
        scale = np.linalg.norm(x, axis=1, keepdims=True) * (1 + np.abs(whole).max())
        assert (np.abs(y - x @ (whole if transposed else whole.T)) <= 1e-9 * scale).all()
        basis = np.concatenate([np.zeros((0, x.shape[1])), *w.bases[transposed].blocks])
        assert len(basis) <= basis.shape[1]
        assert np.abs(basis @ basis.T - np.eye(len(basis))).max(initial=0.0) < 1e-11


def test_nearly_equal_vectors_have_nearly_equal_products() -> None:
    """The difference gets a direction of its own down to one part in 10^12."""
    for small in (1e-3, 1e-6, 1e-9, 1e-12):
        w = ExactMatrix(Space(8, seed=1), 2000, 2000, 1.0, 0)
        x = vectors(2, 2000)
        first = w.apply(x[:1])
        second = w.apply(x[:1] + small * x[1:])
        difference = (second - first)[0] / small
        assert np.linalg.norm(difference) == pytest.approx(np.linalg.norm(x[1]) * 2000**0.5, rel=0.1)
        assert w.bases[DOMAIN].size == 2


def test_many_steps_of_slow_change_keep_the_basis_orthonormal() -> None:
    """What SGD multiplies: each vector is the one before, moved a little."""
    space = Space(8, seed=1)
    basis, x = Basis(space, 3000), vectors(2, 3000)
    for step in range(40):
        coordinates, added = basis.split(x)
        basis.blocks.extend(added)
        whole = np.concatenate(basis.blocks)
        np.testing.assert_allclose(coordinates @ whole, x, atol=1e-12 * np.abs(x).max())
        x = x + 1e-4 * vectors(2, 3000, step + 1)
    whole = np.concatenate(basis.blocks)
    assert len(whole) == 80
    assert np.abs(whole @ whole.T - np.eye(80)).max() < 1e-12


def test_single_precision_is_single_precision() -> None:
    w = ExactMatrix(Space(8, seed=3, dtype="float32"), 3000, 4000, 1.0, 0)
    x, y = vectors(3, 4000).astype(np.float32), vectors(3, 3000).astype(np.float32)
    wx, wty = w.apply(x), w.apply_transposed(y)
    assert wx.dtype == wty.dtype == np.float32
    np.testing.assert_allclose(y @ wx.T, wty @ x.T, atol=1e-4 * 3500)
    np.testing.assert_allclose(w.apply(x[:1] + x[1:2]), wx[:1] + wx[1:2], atol=1e-3)


# the law ------------------------------------------------------------------------------------------------


def interleaved(seed: int, made: Callable[..., ExactMatrix] = ExactMatrix) -> ExactMatrix:
    """A 4 × 3 matrix after products on both sides, blocks, repetitions; what is multiplied depends on the results."""
    w = made(Space(8, seed=seed), 4, 3, 1.0, 0)
    x = np.array([[1.0, 2.0, -1.0]])
    g = w.apply(x)
    back = w.apply_transposed(np.tanh(g) + np.array([0.5, 0.0, 0.0, 1.0]))
    w.apply(np.concatenate([np.sin(back), x]))
    w.apply_transposed(np.concatenate([g, g]))
    return w


class Forgetful(ExactMatrix):
    """Wrong: fresh normals where something is known already."""

    def _drawn(self, side: int, block: Array, first: int) -> tuple[Array, Array]:
        z, correction = super()._drawn(side, block, first)
        return z, correction + z @ np.concatenate([np.zeros((0, z.shape[1])), *self.bases[1 - side].blocks]).T


def law_of_entries(made: Callable[..., ExactMatrix], draws: int = 1000) -> float:
    """The smallest p-value of three tests that completed matrices have iid standard normal entries."""
    entries = np.stack([completed(interleaved(s, made), s).ravel() for s in range(draws)])
    size = entries.shape[1]
    mean = entries.mean(axis=0)
    second = entries.T @ entries / draws
    off = second[np.triu_indices(size, 1)]
    means = stats.chi2.sf(draws * (mean**2).sum(), size)
    covariances = stats.chi2.sf(draws * (off**2).sum() + draws / 2 * ((np.diag(second) - 1) ** 2).sum(),
                                size * (size + 1) // 2)  # fmt: skip
    return float(min(means, covariances, stats.kstest(entries.ravel(), "norm").pvalue))


def test_completed_matrices_have_iid_gaussian_entries() -> None:
    """Products that depend on earlier results included. False alarm: 3e-5."""
    assert law_of_entries(ExactMatrix) > ALARM
    assert law_of_entries(Forgetful) < ALARM


def conditional_scores(made: Callable[..., ExactMatrix], draws: int = 1500) -> Array:
    """z-scores of mean and covariance of W q given W x and Wᵀ y, against Gaussian conditioning of the 12 entries."""
    w = made(Space(8, seed=5), 4, 3, 1.0, 0)
    x, y, q = np.array([[1.0, 2.0, -1.0]]), np.array([[1.0, 0.0, 2.0, 1.0]]), np.array([[0.5, 1.0, 1.0]])
    wx, wty = w.apply(x), w.apply_transposed(y)
    observed = np.concatenate([np.kron(np.eye(4), x), np.kron(y, np.eye(3))])  # of vec W, row by row
    values = np.concatenate([wx[0], wty[0]])
    target = np.kron(np.eye(4), q)
    gain = target @ observed.T @ np.linalg.pinv(observed @ observed.T)
    mean, covariance = gain @ values, target @ target.T - gain @ observed @ target.T
    drawn = []
    for seed in range(draws):
        again = made(Space(8, seed=5), 4, 3, 1.0, 0)
        again.apply(x), again.apply_transposed(y)
        again.space = replace(again.space, seed=1000 + seed)
        again.bases = tuple(replace(b, space=again.space) for b in again.bases)  # type: ignore[assignment]
        drawn.append(again.apply(q)[0])
    found = np.array(drawn)
    spread = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)) + covariance**2)
    return np.concatenate([
        (found.mean(axis=0) - mean) / np.sqrt(np.diag(covariance) / draws),
        ((np.cov(found.T) - covariance) / spread * draws**0.5).ravel(),
    ])  # fmt: skip


def test_the_law_given_earlier_products_is_the_conditional_law() -> None:
    """20 scores; beyond 5 with probability 1e-5."""
    assert np.abs(conditional_scores(ExactMatrix)).max() < 5
    assert np.abs(conditional_scores(Forgetful, 500)).max() > 8


# updates, embeddings ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_low_rank_updates_move_the_matrix(sampler: Callable[..., Any]) -> None:
    w = sampler(Space(8, seed=2), 30, 20, 0.7, 0)
    x, y, later = vectors(3, 20, 1), vectors(2, 30, 2), vectors(4, 20, 3)
    first, back = w.product(x), w.product(y, transposed=True)
    whole = 0.7 * completed(w, 9) if isinstance(w, ExactMatrix) else w.entries
    np.testing.assert_allclose(w.inner(DOMAIN, first.place, first.place), x @ x.T, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(w.inner(RANGE, back.place, back.place), y @ y.T, rtol=1e-10, atol=1e-10)
    weights = vectors(2, 3, 4)
    w.update(back.place, first.place, weights)
    w.apply(later)  # the bases grow
    w.update(back.place, first.place, weights)
    moved = whole + 2 * y.T @ weights @ x
    np.testing.assert_allclose(w.apply(x), x @ moved.T, atol=1e-9)
    np.testing.assert_allclose(w.apply_transposed(y), y @ moved, atol=1e-9)
    new = vectors(1, 20, 6)
    drift = w.apply(new) - new @ (2 * y.T @ weights @ x).T
    np.testing.assert_allclose(y @ drift.T, back.value @ new.T, atol=1e-9)  # W_0's products still hold


def test_a_matrix_that_was_used_for_the_last_time_says_so() -> None:
    w = ExactMatrix(Space(8), 5, 5, 1.0, 0)
    w.product(vectors(1, 5), last=True)
    with pytest.raises(ValueError, match="after the last"):
        w.apply(vectors(1, 5))


@pytest.mark.parametrize("dense", [True, False])
def test_embedded_inputs_have_the_inputs_gram_matrix_whenever_they_come(dense: bool) -> None:
    """U ξ over 10^5 coordinates: inner products of three inputs, one a repetition, one of the span; 6 scores of 5."""
    n, d = 10**5, 7
    u = Embedding(Space(n, seed=4), n, d, 1 / d**0.5, 0, dense)
    x = vectors(3, d)
    first = u.apply(x[:2])
    later = u.apply(np.stack([x[2], x[0], x[0] - 2 * x[1]]))
    np.testing.assert_allclose(later[1], first[0], atol=1e-12)
    np.testing.assert_allclose(later[2], first[0] - 2 * first[1], atol=1e-12)
    g = np.concatenate([first, later[:1]])
    gram = x @ x.T / d
    scores = (g @ g.T / n - gram) / np.sqrt((np.outer(np.diag(gram), np.diag(gram)) + gram**2) / n)
    assert np.abs(scores).max() < 5


@pytest.mark.parametrize("dense", [True, False])
def test_embeddings_are_trained_by_factors_or_columns(dense: bool) -> None:
    u = Embedding(Space(30, seed=4), 30, 3, 1.0, 0, dense)
    x, y = vectors(2, 3), vectors(2, 30, 1)
    before, moved = u.apply(x), np.zeros((30, 3))
    for step in range(4):  # more factors than columns after the first two
        weights = vectors(2, 2, step)
        u.update(y, x, weights)
        moved += y.T @ weights @ x
        np.testing.assert_allclose(u.apply(x), before + x @ moved.T, atol=1e-9)


def test_an_explicit_matrix_is_not_split() -> None:
    with pytest.raises(TpproofError, match="E151"):
        DenseMatrix(Space(8, share=(0, 2)), 8, 8, 1.0, 0)
