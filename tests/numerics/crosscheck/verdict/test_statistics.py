"""A right network disagrees as seldom as is said, and a wrong one is found as often as is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from tests.numerics.crosscheck.laws import (
    LAWS,
    Law,
    Table,
    chi_square,
    draw,
    examined,
    lognormal,
    mixture,
    normal,
    quantities,
)
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.defaults import ALPHA, design
from tpproof.numerics.crosscheck.quantities import Kind, Quantity
from tpproof.numerics.crosscheck.verdict.decisions import Decisions, final_tests
from tpproof.numerics.crosscheck.verdict.fits import ORDER, fits
from tpproof.numerics.crosscheck.verdict.levels import POWER, holm, rejections
from tpproof.numerics.crosscheck.verdict.samples import Samples
from tpproof.numerics.crosscheck.verdict.skewness import before_correction, less_skew
from tpproof.numerics.crosscheck.verdict.spread import spread
from tpproof.numerics.crosscheck.verdict.statistics import Verdict

FEW = {64: 8, 256: 12, 1024: 16}
ONE_LARGE = {256: 16, 4096: 16, 65536: 4}
MANY = {256: 32, 1024: 32, 8192: 32, 65536: 64}
ALONE = {4096: 8}
LEAST = np.array(1e-10)
DESIGNS = (FEW, ONE_LARGE, MANY, ALONE)


def decide(samples: Samples, level: float, error: float = 0.0, limit_error: float = 0.0) -> Decisions:
    """The final tests when the proof's limits were wrong by `error`; the true ones are 1."""
    ones = np.ones(len(samples.quantities))
    return final_tests(spread(samples, LEAST, ORDER), ones * (1 + error), ones * limit_error, LEAST, level)


def at_most(rate: float, tries: int) -> int:
    """A count that independent events of this rate exceed once in a million times."""
    return int(stats.binom.isf(1e-6, tries, rate))


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: "-".join(map(str, d)))
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
def test_a_right_network_disagrees_no_more_often_than_is_said(law: Law, design: Mapping[int, int]) -> None:
    reports, each, alpha = 1000, 10, 0.01
    tests = decide(draw(law, design, reports * each, seed=1), alpha / each)
    alarms = np.any((tests.p <= alpha / each).reshape(reports, each), axis=1)
    assert np.sum(alarms) <= at_most(alpha, reports)


def test_without_the_bias_it_would_disagree() -> None:
    """The negative twin: means at finite widths against the limit, as a naive check would compare them."""
    table = draw(lognormal, {64: 400}, 1000, seed=1).values[64]
    naive = stats.ttest_1samp(table, 1.0, axis=0).pvalue
    assert np.mean(naive < 0.01) > 0.5
    assert np.mean(decide(draw(lognormal, {64: 400}, 1000, seed=1), 0.01).p < 0.01) <= 0.01


def test_many_samples_of_small_networks_make_no_alarm_of_their_bias() -> None:
    design = {256: 4000, 512: 4000, 1024: 4000, 2048: 4000}
    tests = decide(draw(chi_square, design, 500, seed=2), 0.01)
    assert np.sum(tests.p < 0.01) <= at_most(0.01, 500)
    assert np.all(tests.terms >= 1)


@pytest.mark.parametrize("design", [ONE_LARGE, MANY], ids=["one-large", "many"])
@pytest.mark.parametrize("law", [normal, chi_square, lognormal], ids=lambda law: law.__name__)
def test_the_detectable_error_is_detected_with_the_stated_power(law: Law, design: Mapping[int, int]) -> None:
    count, level = 4000, 1e-5
    samples = draw(law, design, count, seed=3)
    claimed = float(np.median(decide(samples, level).detectable))
    for error in (claimed, -claimed):
        found = float(np.mean(decide(samples, level, error).p <= level))
        assert POWER - 0.04 < found < POWER + 0.08
    assert np.mean(decide(samples, level, claimed / 3).p <= level) < 0.3  # and a third of it mostly is not


def test_an_error_of_two_per_cent_is_found() -> None:
    samples = draw(chi_square, MANY, 300, seed=4)
    right = examined(samples, np.ones(300))
    assert right.verdict is Verdict.AGREES
    assert max(f.relative or 1.0 for f in right.finals) < 0.02
    wrong = np.ones(300)
    wrong[17] *= 1.02
    found = examined(samples, wrong)
    assert found.verdict is Verdict.DISAGREES
    assert [f.quantity for f in found.disagreeing] == [samples.quantities[17]]
    assert found.disagreeing[0].z is not None
    assert found.disagreeing[0].z < 0


def test_agreement_without_power_is_called_blind() -> None:
    blind = examined(draw(normal, {64: 4, 128: 4}, 3, seed=5), np.ones(3))
    assert blind.verdict is Verdict.BLIND
    assert all(f.agrees and f.blind for f in blind.finals)
    assert examined(draw(normal, MANY, 3, seed=5), np.ones(3)).verdict is Verdict.AGREES


def test_one_sample_tests_nothing() -> None:
    found = examined(draw(normal, {65536: 1}, 2, seed=6), np.ones(2))
    assert found.verdict is Verdict.BLIND
    assert [(f.z, f.p, f.se, f.detectable, f.agrees) for f in found.finals] == [(None, None, None, None, True)] * 2
    assert [(r.z, r.se, r.samples) for r in found.rows] == [(None, None, 1)] * 2


def test_one_large_network_is_tested_with_the_variance_of_smaller_ones() -> None:
    samples = draw(normal, {1024: 64, 10**6: 1}, 400, seed=7)
    assert np.sum(decide(samples, 1e-3).p <= 1e-3) <= at_most(1e-3, 400)
    assert np.median(decide(samples, 1e-3).detectable) < 0.015
    assert np.mean(decide(samples, 1e-3, 0.015).p <= 1e-3) > 0.85


def constant(values: Mapping[int, Table]) -> Samples:
    """One quantity that is the same in all networks, by the program."""
    return Samples(tuple(replace(q, exact=True) for q in quantities(1)), values)


def test_what_does_not_fluctuate_is_compared_up_to_rounding() -> None:
    same = constant({64: np.full((4, 1), 0.1 + 0.2), 256: np.full((4, 1), 0.3)})
    (final,) = examined(same, np.array([0.3])).finals
    assert (final.agrees, final.constant, final.allowance) == (True, True, 0.0)
    assert not examined(same, np.array([0.3 + 1e-8])).finals[0].agrees
    assert examined(same, np.array([0.3 + 1e-8]), np.array([1e-8])).finals[0].agrees
    zero = constant({64: np.zeros((4, 1))})
    assert examined(zero, np.zeros(1)).verdict is Verdict.AGREES
    assert examined(zero, np.array([1e-6])).verdict is Verdict.DISAGREES
    one = constant({64: np.ones((1, 1)), 65: np.ones((1, 1))})  # exactly the same twice is no fluctuation either
    assert examined(one, np.ones(1)).verdict is Verdict.AGREES


def test_a_bias_without_fluctuation_is_extrapolated() -> None:
    values = {n: np.full((3, 1), 1 - 1 / n) for n in (64, 256, 1024)}
    assert examined(constant(values), np.ones(1)).verdict is Verdict.AGREES
    assert examined(constant(values), np.array([1.001])).verdict is Verdict.DISAGREES


def test_rounding_noise_around_zero_is_no_deviation() -> None:
    rng = np.random.default_rng(8)
    noise = {64: 1e-17 * (1 + rng.standard_normal((8, 1))), 256: 1e-17 * (1 + rng.standard_normal((8, 1)))}
    assert examined(constant(noise), np.zeros(1)).finals[0].constant


def test_the_limit_s_own_error_counts() -> None:
    samples = draw(normal, MANY, 2000, seed=9)
    assert np.mean(decide(samples, 1e-3, 0.02).p <= 1e-3) > 0.99
    rng = np.random.default_rng(10)
    ones = np.ones(2000)
    limits = ones + 0.02 * rng.standard_normal(2000)
    tests = final_tests(spread(samples, LEAST, ORDER), limits, 0.02 * ones, LEAST, 0.01)
    assert np.sum(tests.p <= 0.01) <= at_most(0.01, 2000)
    assert np.all(tests.se >= 0.02)


def test_an_error_of_few_replicates_is_itself_uncertain() -> None:
    rng = np.random.default_rng(27)
    ones, replicates = np.ones(4000), 6
    drawn = ones + 0.05 * rng.standard_normal((replicates, 4000))
    errors = drawn.std(axis=0, ddof=1) / np.sqrt(replicates)
    found = spread(draw(normal, MANY, 4000, seed=28), LEAST, ORDER)
    alarms = {
        dof: int(np.sum(final_tests(found, drawn.mean(axis=0), errors, LEAST, 1e-3, dof).p <= 1e-3))
        for dof in (replicates - 1, 1e9)
    }
    assert alarms[replicates - 1] <= at_most(1e-3, 4000) < alarms[1e9]


def test_a_variance_that_does_not_shrink_as_it_should_is_not_pooled() -> None:
    rng = np.random.default_rng(11)
    samples = constant({n: 1 + 0.1 * rng.standard_normal((40, 1)) for n in (64, 1024, 16384)})
    ones = np.ones(1)
    found = spread(samples, LEAST, ORDER)
    assert not found.homogeneous[0]
    assert final_tests(found, ones, 0 * ones, LEAST, 0.01).se[0] > 0.1 / np.sqrt(120) / 1.2
    assert spread(draw(normal, MANY, 500, seed=12), LEAST, ORDER).homogeneous.mean() > 0.97


def test_the_order_of_samples_widths_and_quantities_changes_nothing() -> None:
    samples = draw(chi_square, MANY, 6, seed=13)
    limits = np.array([1, 1, 1.02, 1, 1, 1])
    found = examined(samples, limits)
    shuffled = {n: samples.values[n][::-1] for n in reversed(samples.widths)}
    assert examined(Samples(samples.quantities, shuffled), limits) == found
    back = Samples(samples.quantities[::-1], {n: t[:, ::-1] for n, t in samples.values.items()})
    other = examined(back, limits[::-1])
    assert [(f.quantity, f.estimate, f.agrees) for f in other.finals][::-1] == [
        (f.quantity, f.estimate, f.agrees) for f in found.finals
    ]
    assert found.finals[2] != found.finals[1]


def test_each_fit_removes_the_bias_it_fits() -> None:
    n, m = np.array([64.0, 256, 1024, 4096]), np.array([8.0, 8, 4, 2])
    seen = set()
    for fit in fits(n, m):
        seen.add(fit.terms)
        for j in range(fit.terms + 1):
            assert fit.weights @ n**-j == pytest.approx(float(j == 0), abs=1e-12)
        assert abs(fit.weights @ n ** -(fit.terms + 1)) == pytest.approx(fit.remains[0])
        assert fit.remains[0] > 0
        assert fit.variance >= 1 / np.sum(n * m) * (1 - 1e-12)
    assert seen == {0, 1, 2}


def test_holm_rejects_more_than_bonferroni_and_never_what_was_not_tested() -> None:
    p = np.array([0.004, 0.012, 0.2, 0.0])
    tested = np.array([True, True, True, False])
    assert holm(p, tested, 0.04).tolist() == [True, True, False, False]
    assert holm(np.array([0.011, 0.012, 0.2, 0.0]), tested, 0.04).tolist() == [False, False, False, False]


def test_slopes_are_those_of_the_law() -> None:
    samples = draw(lognormal, {64: 400, 256: 400, 1024: 400, 4096: 400}, 5, seed=14)
    slopes = examined(samples, np.ones(5)).slopes
    assert slopes.joint is not None
    assert abs(slopes.joint.slope + 0.5) < 4 * slopes.joint.se < 0.1
    assert slopes.kinds[Kind.KERNEL.value] == slopes.joint
    steep = Samples(samples.quantities, {n: 1 + (t - 1) / np.sqrt(n) for n, t in samples.values.items()})
    other = examined(steep, np.ones(5)).slopes.joint
    assert other is not None
    assert other.slope < -0.9


def test_the_slope_of_a_bias_is_given_only_where_it_is_seen() -> None:
    samples = draw(lognormal, {64: 4000, 128: 4000, 256: 4000}, 2, seed=15)
    centred = Samples(samples.quantities, {n: t - t.mean(axis=0) + 1 for n, t in samples.values.items()})
    slopes = examined(samples, np.ones(2)).slopes
    assert set(slopes.bias) == {q.name for q in samples.quantities}
    assert slopes.joint_bias is not None
    assert abs(slopes.joint_bias.slope + 1) < 0.4
    assert examined(centred, np.ones(2)).slopes.bias == {}


def test_numbers_that_are_none_are_refused() -> None:
    good = draw(normal, FEW, 2, seed=16)
    table = good.values[64].copy()
    table[3, 1] = np.nan
    with pytest.raises(TpproofError, match=r"nan for K\(ξ̃, ξ1\) in sample 3 of width 64"):
        Samples(good.quantities, {**good.values, 64: table})
    with pytest.raises(TpproofError, match="E152"):
        examined(good, np.array([1.0, np.inf]))
    for values in ({}, {64: np.ones((4, 3))}, {64: np.ones((0, 2))}, {0: np.ones((4, 2))}):
        with pytest.raises(TpproofError, match="E160"):
            Samples(good.quantities, values)
    with pytest.raises(TpproofError, match="E160"):
        examined(good, np.ones(2), limit_dof=0)
    for limits, errors, alpha in ((np.ones(3), None, 0.1), (np.ones(2), -np.ones(2), 0.1), (np.ones(2), None, 0.0)):
        with pytest.raises(TpproofError, match="E160"):
            examined(good, limits, errors, alpha=alpha)
    assert examined(good, np.ones(2)).alpha == 1e-4


def test_a_kind_near_zero_is_measured_on_the_scale_of_its_kind() -> None:
    samples = draw(normal, MANY, 2, seed=17)
    shifted = {n: t - np.array([0, 0.999]) for n, t in samples.values.items()}
    finals = examined(Samples(samples.quantities, shifted), np.array([1.0, 0.001])).finals
    assert not finals[1].blind
    assert finals[1].relative is not None
    assert finals[1].relative > 1
    alone = tuple(replace(q, kind=Kind.SLOPE) if i else q for i, q in enumerate(samples.quantities))
    assert isinstance(alone[1], Quantity)
    deviates = examined(Samples(alone, shifted), np.array([1.0, 0.001])).finals[1]
    assert deviates.scale > 1  # by its own deviations: relative to 0.001 nothing would be seen
    assert (deviates.relative, deviates.blind) == (None, False)


def test_the_default_design_finds_two_per_cent_of_one_of_400_numbers_that_fluctuate_much() -> None:
    def much(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
        return np.asarray(1 + 3 / n + 8 / np.sqrt(n) * rng.standard_normal(shape))

    samples = draw(much, design(), 2000, seed=18)
    assert np.mean(decide(samples, ALPHA / 400, 0.02).p <= ALPHA / 400) > 0.99
    fewer = Samples(samples.quantities, {n: t[: len(t) // 4] for n, t in samples.values.items()})
    assert np.mean(decide(fewer, ALPHA / 400, 0.02).p <= ALPHA / 400) < 0.5


def test_the_detectable_error_is_detected_even_behind_the_worst_bias_allowed() -> None:
    def hidden(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
        return np.asarray(1 + ORDER / n + 0.5 / np.sqrt(n) * rng.standard_normal(shape))

    samples = draw(hidden, {4096: 64}, 1000, seed=19)
    claimed = float(np.median(decide(samples, 1e-3).detectable))
    assert np.mean(decide(samples, 1e-3, claimed).p <= 1e-3) > POWER - 0.04
    assert np.mean(decide(samples, 1e-3, claimed - 2 * ORDER / 4096).p <= 1e-3) < 0.5


def test_a_larger_bias_than_expected_is_expected_once_it_is_seen() -> None:
    def far(rng: np.random.Generator, n: int, shape: tuple[int, int]) -> Table:
        return np.asarray(1 / (1 - 60 / n) + 0.1 / np.sqrt(n) * rng.standard_normal(shape))

    tests = decide(draw(far, {1024: 200, 4096: 200}, 300, seed=20), 0.01)
    assert np.mean(np.abs(tests.estimate - 1) > 3 * tests.se) > 0.9  # what is left of the bias is seen, and allowed for
    assert np.sum(tests.p < 0.01) <= at_most(0.01, 300)


def test_skewness_is_corrected_where_it_would_alarm() -> None:
    rng = np.random.default_rng(21)
    size, level = 40, 0.002
    table = rng.exponential(size=(size, 20_000)) - 1  # skewness 2
    t = table.mean(axis=0) / table.std(axis=0, ddof=1) * np.sqrt(size)
    skew = np.clip(stats.skew(table, axis=0), 0, None) / np.sqrt(size)
    alarms = [np.mean(2 * stats.t.sf(np.abs(z), size - 1) < level) for z in (t, less_skew(t, skew, skew))]
    assert alarms[0] > 5 * level
    assert alarms[1] < 2 * level


def test_the_skewness_correction_is_undone_by_its_inverse() -> None:
    rng = np.random.default_rng(26)
    skew, together = rng.uniform(-0.2, 0.2, (2, 1000))
    t = before_correction(np.full(1000, 5.0), skew, together)
    assert np.all(t >= 5)
    least = np.minimum(np.abs(less_skew(t, skew, together)), np.abs(less_skew(-t, skew, together)))
    assert np.allclose(least, 5)


def test_many_small_networks_do_not_outvote_large_ones() -> None:
    samples = draw(normal, {64: 3000, 65536: 8}, 1, seed=22)
    found = spread(samples, LEAST, ORDER)
    assert 7 < found.dof[0] < 2 / (ORDER / 64) ** 2 + 8
    assert spread(samples, LEAST, 0.0).dof[0] == pytest.approx(3006)


def test_heavy_tails_are_no_sign_of_another_variance() -> None:
    assert spread(draw(mixture, MANY, 1000, seed=23), LEAST, ORDER).homogeneous.mean() > 0.96


def test_few_samples_at_one_width_do_not_tilt_slopes() -> None:
    samples = draw(normal, {64: 3, 256: 400, 4096: 3}, 400, seed=24)
    found = [s.slope for s in examined(samples, np.ones(400)).slopes.fluctuation.values()]
    assert abs(np.mean(found) + 0.5) < 4 * np.std(found) / 20
    uneven = draw(normal, {64: 3, 4096: 400}, 400, seed=25)
    tilted = [s.slope for s in examined(uneven, np.ones(400)).slopes.fluctuation.values()]
    assert abs(np.mean(tilted) + 0.5) < 4 * np.std(tilted) / 20


def test_limits_that_are_nearly_zero_are_measured_by_deviations() -> None:
    means = tuple(replace(q, kind=Kind.MEAN) for q in quantities(2))
    around = {n: t - 1 for n, t in draw(normal, MANY, 2, seed=29).values.items()}
    for limits in (np.zeros(2), np.array([0.0, 1e-7])):
        found = examined(Samples(means, around), limits)
        assert found.verdict is Verdict.AGREES
        assert [(f.relative, f.blind) for f in found.finals] == [(None, False)] * 2
        assert found.finals[0].scale == pytest.approx(2, rel=0.2)
    few = {n: t[:2] for n, t in around.items() if n == 256}
    assert all(f.blind for f in examined(Samples(means, few), np.zeros(2)).finals)


def test_rounding_is_that_of_what_is_summed() -> None:
    rng = np.random.default_rng(30)
    two = (quantities(1)[0], replace(quantities(1)[0], kind=Kind.MEAN))
    noise = {n: np.hstack([np.ones((8, 1)), 1e-16 * (1 + rng.random((8, 1)))]) for n in (64, 256)}
    found = examined(Samples(two, noise), np.array([1.0, 1e-18]))
    assert [(f.constant, f.agrees) for f in found.finals] == [(True, True)] * 2
    assert not examined(Samples(two, noise), np.array([1.0, 1e-9])).finals[1].settled
    exact = tuple(replace(q, exact=True) for q in two)
    assert not examined(Samples(exact, noise), np.array([1.0, 1e-9])).finals[1].agrees


def test_a_bias_that_networks_show_without_the_limit_is_allowed_for_and_no_more() -> None:
    beyond = np.zeros((len(MANY), 3))
    beyond[:, 1] = 0.05
    drawn = draw(normal, MANY, 3, seed=15)
    moved = Samples(drawn.quantities, {n: table + beyond[0] for n, table in drawn.values.items()})
    assert [f.agrees for f in examined(moved, np.ones(3)).finals] == [True, False, True]
    allowed = examined(moved, np.ones(3), beyond=beyond)
    assert all(f.agrees for f in allowed.finals)
    assert allowed.finals[1].detectable == pytest.approx(0.1, rel=0.5)
    for error in (0.15, -0.15):
        found = examined(moved, np.array([1.0, 1 + error, 1 + error]), beyond=beyond)
        assert [f.agrees for f in found.finals] == [True, False, False]


def test_networks_too_small_for_a_variance_are_blind_however_many_widths_they_have() -> None:
    """n = 1: its variance counts as less than one degree of freedom, and an error of any size would be missed."""
    for small in ({1: 4}, {1: 100}, {2: 2}, {1: 3, 2: 3, 3: 3}):
        found = examined(draw(normal, small, 3, seed=16), np.ones(3))
        assert found.verdict is Verdict.BLIND
        assert all(f.blind and f.detectable is not None and f.detectable > 10 for f in found.finals)


def test_numbers_that_every_network_has_take_no_share_of_alpha() -> None:
    """A thousand of them beside three others: what these must reach is alpha/3, then alpha/2."""
    alpha = 0.01
    p = np.array([0.0033, 0.0049, 0.5, *np.ones(1000)])
    exact = np.arange(len(p)) >= 3
    tested = np.ones(len(p), dtype=bool)
    assert rejections(p, tested, exact, alpha).nonzero()[0].tolist() == [0, 1]
    assert not rejections(p, tested, ~tested, alpha).any()
    p[500] = 0.0
    assert rejections(p, tested, exact, alpha).nonzero()[0].tolist() == [0, 1, 500]
    exact_ones = tuple(replace(q, exact=True) for q in (*quantities(1), *quantities(1, Kind.SUM)))
    constants = Samples(exact_ones, {64: np.ones((4, 2)), 256: np.ones((4, 2))})
    assert [f.agrees for f in examined(constants, np.array([1.0, 1.02])).finals] == [True, False]


def test_exact_numbers_do_not_change_what_others_see() -> None:
    samples = draw(normal, MANY, 3, seed=29)
    more = Samples(
        (*samples.quantities, *(Quantity(Kind.SUM, (k, 0, k, 0, 0, 0), f"s{k}", "", True) for k in range(500))),
        {n: np.hstack([t, np.ones((len(t), 500))]) for n, t in samples.values.items()},
    )
    alone, among = examined(samples, np.ones(3)), examined(more, np.ones(503))
    assert [f.detectable for f in alone.finals] == pytest.approx([f.detectable for f in among.finals[:3]], rel=1e-12)


def test_what_is_constant_by_chance_decides_nothing() -> None:
    """E[relu(Z − 5)] is 0 in all networks of these widths, and not in the limit."""
    zeros = {64: np.zeros((4, 1)), 256: np.zeros((4, 1))}
    by_chance, by_program = quantities(1), tuple(replace(q, exact=True) for q in quantities(1))
    found = examined(Samples(by_chance, zeros), np.array([1e-6]))
    assert (found.verdict, found.finals[0].settled, found.finals[0].blind) == (Verdict.BLIND, False, True)
    assert examined(Samples(by_program, zeros), np.array([1e-6])).verdict is Verdict.DISAGREES
    assert examined(Samples(by_chance, zeros), np.zeros(1)).verdict is Verdict.AGREES


def test_a_large_exact_number_hides_no_error_of_a_small_one() -> None:
    two = tuple(Quantity(Kind.SUM, (k, 0, k, 0, 0, 0), f"s{k}", "", True) for k in range(2))
    samples = Samples(two, {64: np.tile([1e10, 1.0], (4, 1)), 256: np.tile([1e10, 1.0], (4, 1))})
    assert [f.agrees for f in examined(samples, np.array([1e10, 1.0])).finals] == [True, True]
    assert [f.agrees for f in examined(samples, np.array([1e10, 1.02])).finals] == [True, False]
    assert [f.agrees for f in examined(samples, np.array([1e10, 0.0])).finals] == [True, False]


def test_without_fluctuations_of_the_kernel_something_else_must_have_power() -> None:
    constant_kernel = draw(normal, {64: 2, 256: 2}, 3, seed=30)
    mixed = Samples(
        (*(replace(q, kind=Kind.MEAN) for q in constant_kernel.quantities), replace(quantities(1)[0], exact=True)),
        {n: np.hstack([t, np.ones((len(t), 1))]) for n, t in constant_kernel.values.items()},
    )
    assert examined(mixed, np.ones(4)).verdict is Verdict.BLIND
