"""Measuring on other backends, split, again, and where it must refuse."""

from __future__ import annotations

import array_api_strict
import numpy as np
import pytest

from tests.numerics.crosscheck.helpers import Reference, everything, quantity, setting
from tests.numerics.finite.test_space import WIDTH, Together
from tpproof import zoo
from tpproof.errors import TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.numerics.crosscheck.measured.measure import Measurement, measure
from tpproof.numerics.crosscheck.measured.one_step import STEPS, solver
from tpproof.numerics.crosscheck.measured.slopes import combinations
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.finite import Space
from tpproof.numerics.finite.kernels import empirical_kernels
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.step import Step


@pytest.mark.parametrize("name", zoo.names())
def test_every_network_of_the_zoo_is_measured(name: str) -> None:
    program = load(f"zoo:{name}", {}, {"phi": "tanh"} if "nonlinearity(" in zoo.text(name) else {})
    given = setting(program)
    quantities = everything(program, 3, 8)
    found = measure(program, quantities, given, 64, 2, threads=1)
    assert found.values.shape == (len(quantities),) and np.isfinite(found.values).all()
    assert found.trajectory.shape == (3, 3, len(program.outputs))
    moved = np.abs(found.trajectory[1:] - found.outputs).max()
    assert moved > 1e-4
    np.testing.assert_allclose(found.trajectory[0], found.outputs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("sampler", ["exact", "dense"])
def test_the_same_seed_gives_the_same_numbers(sampler: str) -> None:
    program = load("zoo:layernorm", {}, {})
    given, quantities = setting(program), everything(program, 3, 20)
    one, again, threads, other = (
        measure(program, quantities, given, 400, seed, sampler=sampler, threads=t).values
        for seed, t in ((4, 1), (4, 1), (4, 3), (5, 1))
    )
    assert (one == again).all()
    if sampler == "exact":
        assert (one == threads).all()
    assert (one != other).mean() > 0.7  # some kernels are numbers


@pytest.mark.parametrize("sampler", ["exact", "dense"])
@pytest.mark.parametrize("name", ["layernorm", "tied_autoencoder", "multi_output"])
def test_any_array_namespace_measures_the_same(name: str, sampler: str) -> None:
    program = load(f"zoo:{name}", {}, {})
    given, quantities = setting(program), everything(program, 3, 15)
    one, two = (measure(program, quantities, given, 32, 3, sampler=sampler, xp=xp) for xp in (np, array_api_strict))
    near = np.array([1e-5 if q.kind in STEPS else 1e-9 for q in quantities])
    assert (np.abs(one.values - two.values) <= near * (1 + np.abs(one.values))).all()


def test_single_precision_takes_a_longer_step() -> None:
    """Float32 draws other numbers, so it is compared with itself: the outputs' change is the kernel's."""
    program = load("zoo:mlp", {}, {})
    given, pairs = setting(program), [(i, j) for i in range(3) for j in (1, 2)]
    for dtype, near in (("float64", 1e-6), ("float32", 5e-3)):
        quantities = [quantity(Kind.OUTPUT_CHANGE, 0, i, j) for i, j in pairs]
        quantities += [quantity(Kind.KERNEL, 0, 0, i, j) for i, j in pairs]
        found = measure(program, quantities, given, 4096, 3, dtype=dtype).values
        assert found.dtype == np.float64
        np.testing.assert_allclose(found[:6], -given.slopes[0] * found[6:], rtol=near)


@pytest.mark.parametrize("name", ["layernorm", "tied_autoencoder"])
def test_coordinates_split_over_workers_measure_the_same(name: str) -> None:
    program = load(f"zoo:{name}", {}, {})
    given, quantities = setting(program, 2), everything(program, 2, 8)
    expected = Measurement(program, quantities, given, Space(WIDTH, seed=4)).run()
    near = np.array([1e-5 if q.kind in STEPS else 1e-9 for q in quantities])
    for found in Together(3).run(lambda space: Measurement(program, quantities, given, space).run(), WIDTH):
        values = found.values  # type: ignore[attr-defined]
        assert (np.abs(values - expected.values) <= near * (1 + np.abs(expected.values))).all()


@pytest.mark.parametrize("name", ["mlp", "layernorm", "multi_output"])
def test_a_step_of_any_size_is_the_change_by_sgd(name: str) -> None:
    """Not its linearization: outputs after a step of rate 1/2, less outputs before, over 1/2."""
    program = load(f"zoo:{name}", {}, {})
    given = setting(program)
    quantities = [q for q in everything(program, 3, 40) if q.kind in (Kind.CHANGE, Kind.OUTPUT_CHANGE)]
    found = measure(program, quantities, given, 16, 7, sampler="dense", step_rate=0.5)
    plain = Reference(program, 16, 7, given)
    expected = []
    for q in quantities:
        stepped = plain.stepped(q.key[-1], 0.5)
        i = q.key[1]
        values = plain.nodes(stepped, i)
        if q.kind is Kind.CHANGE:
            g, _, k, p, j = q.key
            change = (values[g] - plain.values[i][g])[0].numpy() / 0.5
            expected.append(float(plain.signals[k, p, j] @ change))
        else:
            o = q.key[0]
            after, before = plain.outputs(stepped, values), plain.outputs(plain.given, plain.values[i])
            expected.append(float(after[o] - before[o]) / 0.5)
    np.testing.assert_allclose(found.values, expected, rtol=1e-8, atol=1e-9 * np.abs(expected).max())


def test_kernels_alone_are_those_of_the_finite_room_to_the_last_bit() -> None:
    program = load("zoo:mlp", {}, {})
    given = setting(program)
    quantities = [quantity(Kind.KERNEL, 0, 0, i, j) for i in range(3) for j in range(3)]
    found = measure(program, quantities, given, 5000, 1)
    expected = empirical_kernels(FiniteNetwork(program, Space(5000, seed=1)), np.array(given.inputs))
    assert (found.values == expected.ntk.ravel()).all() and (found.outputs == expected.outputs).all()


def test_a_contracted_gvar_can_be_a_variable_of_its_own() -> None:
    """In φ(Wy + c) the hat of Wy stands alone: the combination that reads it is no variable then."""
    text = """
U = embedding("U")
W = matrix("W")
x = tanh(U @ input("xi"))
y = tanh(W.T @ x)
z = tanh(2 * (W @ y) + bias("c"))
output(readout("v") @ z)
"""
    program = parse(text, "test")
    given = setting(program)
    [z] = [x for _, x in program.outputs[0].terms]
    [w] = [k for k, n in enumerate(program.nodes) if n.op == "matmul" and not n.data[1]]
    [c] = [k for k, n in enumerate(program.nodes) if n.op == "param"]
    [sum_] = program.nodes[z].args
    assert sum_ in combinations(program) and sum_ not in combinations(program, {w})
    whole = quantity(Kind.SLOPE, z, sum_, z, sum_, 0, 1)
    hat = quantity(Kind.SLOPE, z, ~w, z, c, 0, 1)
    one = measure(program, [whole], given, 50, 1).values[0]
    two = measure(program, [hat], given, 50, 1).values[0]
    assert two == pytest.approx(2 * one, rel=1e-10)


def test_coefficients_of_dependent_signals() -> None:
    random = np.random.default_rng(0)
    x = random.standard_normal((50, 3))
    target = x @ [1.0, -2.0, 0.5]
    np.testing.assert_allclose(solver(x.T @ x) @ (x.T @ target), [1.0, -2.0, 0.5], rtol=1e-10)
    twice = np.column_stack([x, x[:, 0], np.zeros(50)])
    found = solver(twice.T @ twice) @ (twice.T @ target)
    np.testing.assert_allclose(found, [0.5, -2.0, 0.5, 0.5, 0.0], rtol=1e-9, atol=1e-12)


# refusals ------------------------------------------------------------------------------------------------


def refused(*args: object, **more: object) -> TpproofError:
    with pytest.raises(TpproofError) as raised:
        measure(*args, **more)  # type: ignore[arg-type]
    return raised.value


@pytest.mark.parametrize(
    "wrong",
    [
        quantity(Kind.KERNEL, 0, 1, 0, 0),
        quantity(Kind.KERNEL, 0, 0, 0, 3),
        quantity(Kind.KERNEL, 0, 0, 0),
        quantity(Kind.PARAMETER, 99, 0, 0, 0, 0),
        quantity(Kind.MEAN, 99, 0),
        quantity(Kind.MEAN, -1, 0),
        quantity(Kind.SCALAR, 0, 0),
        quantity(Kind.SIGNAL, 3, 0, 0, 3, 0, 0),
        quantity(Kind.TRAJECTORY, 3, 0, 0),
        quantity(Kind.SLOPE, 3, 3, 0, 0, 0, 0),
    ],
)
def test_addresses_that_a_network_does_not_have_are_refused(wrong: Quantity) -> None:
    program = load("zoo:mlp", {}, {})
    assert program.nodes[3].op not in ("embed", "matmul", "param")
    assert refused(program, [wrong], setting(program), 64, 0).code == "E151"


def test_vectors_of_different_lengths_have_no_inner_product() -> None:
    program = load("zoo:bottleneck", {}, {})
    one, two = program.gvars[0], program.gvars[2]
    assert program.widths[one] != program.widths[two]
    assert refused(program, [quantity(Kind.MOMENT2, one, two, 0, 0)], setting(program), 64, 0).code == "E151"


def test_what_does_not_fit_is_refused_before_it_is_allocated() -> None:
    program = load("zoo:mlp", {}, {})
    given, quantities = setting(program), everything(program, 3)
    error = refused(program, quantities, given, 10**11, 0)
    assert error.code == "E104" and "GiB" in error.found and "changes" in error.found
    kernels = [q for q in quantities if q.kind is Kind.KERNEL]
    measure(program, kernels, given, 10**4, 0, memory=10**7)
    assert refused(program, quantities, given, 10**4, 0, memory=10**7).code == "E104"
    assert refused(program, kernels, given, 10**4, 0, memory=10**7, sampler="dense").code == "E104"


def test_training_that_diverges_is_reported_with_its_step() -> None:
    text = 'U = embedding("U")\nx = U @ input("xi")\nW = matrix("W")\noutput(readout("v") @ (W @ (x ** 2)) ** 3)'
    program = parse(text, "test")
    given = setting(program, steps=40, rate=30.0)
    error = refused(program, [quantity(Kind.TRAJECTORY, 40, 0, 0)], given, 64, 0)
    assert error.code == "E152" and "of 40 steps" in error.found


def test_settings_that_do_not_fit_are_refused() -> None:
    program = load("zoo:mlp", {}, {})
    given = setting(program)
    kernel = quantity(Kind.KERNEL, 0, 0, 0, 0)
    two = Setting(given.inputs, given.targets, (1.0, 2.0))
    assert refused(program, [kernel], two, 64, 0).code == "E151"
    one = Setting(given.inputs[:1], given.targets[:1], given.slopes)
    assert refused(program, [quantity(Kind.TRAJECTORY, 1, 0, 0)], one, 64, 0).code == "E151"
    parts = Setting(tuple((*x, *x) for x in given.inputs), given.targets, given.slopes)
    assert refused(program, [kernel], parts, 64, 0).code == "E151"


def test_the_step_leaves_the_network_as_it_was() -> None:
    program = load("zoo:rnn", {}, {})
    given = setting(program)
    quantities = [q for q in everything(program, 3, 5) if q.kind in STEPS]
    run = Measurement(program, quantities, given, Space(64, seed=1))
    outputs = run.run().outputs
    np.testing.assert_allclose(run.net.forward(np.array(given.inputs)).outputs, outputs, rtol=1e-11)
    assert Step.__doc__ is not None and run.net.moved == {}
