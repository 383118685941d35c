"""Properties of the proof, its kernel and its certificate, over random programs.

Sums of terms are evaluated here, by code of this file, at random exact values of the atoms: each atom is an
indeterminate, so two polynomials in atoms that agree at random values are equal (up to an accident of odds about
1 in 10^15). The gap of D.4.2 compares different atoms; for it every *direct derivative* gets random values on a
small finite probability space, from which all atoms follow.
"""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, assume, event, example, given, note, settings
from hypothesis import strategies as st

from tests.networks import two_hidden_layers
from tests.numeric import LimitSample, finite_ntk
from tests.strategies import programs, reduced_programs
from tpproof.certificate.write import certificate_of
from tpproof.checker import check_bytes
from tpproof.checker.network import Network
from tpproof.errors import TpproofError
from tpproof.limit import changes, law, outputs
from tpproof.limit.changes import wanted_pairs
from tpproof.limit.law import LimitForm, limit_form
from tpproof.limits import DEFAULT, Limits
from tpproof.paths import graph, stretches
from tpproof.paths.count import PathSpace, count
from tpproof.paths.graph import pair_graph, path_sums
from tpproof.paths.kernel import path_kernel
from tpproof.paths.listing import output_pairs_listed, path_sum, paths, readout_pairs, symbols
from tpproof.program.atoms import Atom, Pair, Ref, Terms, Weight
from tpproof.program.builder import Builder
from tpproof.program.canonical import canonical_bytes, from_json, sha256, to_json
from tpproof.program.constants import ZERO
from tpproof.program.model import Kind, Program
from tpproof.program.reduced import Form, reduced
from tpproof.program.replay import replay
from tpproof.proof import prove as prove_module
from tpproof.proof.difference import DirectDerivatives, output_polynomial, subtract, written_out
from tpproof.proof.prove import Execution, Proof, kernel_gap, prove

SEEDS = st.integers(0, 2**32)
Value = Callable[[Atom], Fraction]


def run(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Settings of every property here."""
    return settings(max_examples=examples, deadline=None)


# evaluating sums of terms -----------------------------------------------------------------------------


def random_atoms(seed: int, program: Program, forget_untrained_starts: bool = False) -> Value:
    """Independent random values, the same for the same atom; κ = 0 for untrained initial G-vars if asked."""

    @cache
    def value(atom: Atom) -> Fraction:
        if forget_untrained_starts and atom[0] == "kappa":
            parameter = program.parameters[int(atom[1])]
            if parameter.kind in ("embedding", "bias") and not parameter.trained:
                return Fraction(0)
        source = random.Random(f"{seed} {atom}")
        return Fraction(source.choice([-1, 1]) * source.randint(1, 10**4), source.randint(1, 6))

    return value


def total(terms: Terms, atom: Value, of: Mapping[Pair, Fraction]) -> Fraction:
    """The value of a sum of terms."""
    products = (prod(map(atom, w), start=Fraction(1)) * (1 if ref is None else of[ref]) for w, ref in terms)
    return sum(products, Fraction(0))


def recursion(
    sums: Mapping[Pair, Terms], atom: Value, extra: Mapping[Pair, Fraction] | None = None
) -> dict[Pair, Fraction]:
    """The values of mutually recursive sums, whatever the order in which they are written."""
    found: dict[Pair, Fraction] = {}

    def visit(pair: Pair) -> None:
        for _, ref in sums[pair]:
            if ref is not None and ref not in found:
                visit(ref)
        found[pair] = total(sums[pair], atom, found) + (extra or {}).get(pair, 0)

    for pair in sums:
        if pair not in found:
            visit(pair)
    return found


def changes_and_sums(execution: Execution, atom: Value) -> tuple[dict[Pair, Fraction], dict[Pair, Fraction]]:
    """J and C at every pair."""
    j = recursion({pair: change.terms for pair, change in execution.changes.items()}, atom)
    return j, recursion(execution.sums, atom)


def error_signals(execution: Execution, atom: Value, o: int, p: int) -> dict[Pair, Fraction]:
    """D at every pair: the coefficient of α_o χ_p."""
    reads = {
        pair: sum((atom(("sigma2", v, 0)) for v, *of in signal.reads if of == [o, p]), Fraction(0))
        for pair, signal in execution.signals.items()
    }
    return recursion({pair: signal.terms for pair, signal in execution.signals.items()}, atom, reads)


def kernel_100(execution: Execution, atom: Value, o: int, p: int) -> Fraction:
    """(100) for outputs o and p: Σ S·D and what trained readouts and output biases add."""
    found = total(execution.ntk.terms, atom, error_signals(execution, atom, o, p))
    for parameter, x, y, *pair in execution.ntk.reads:
        if pair == [o, p]:
            found += atom(("kappa", parameter, 0)) * (atom(("moment2", x, y)) if x >= 0 else 1)
    return found


def executed(proof: Proof) -> Execution:
    assert proof.execution is not None
    return proof.execution


# contraction, found here ------------------------------------------------------------------------------


def contracted(program: Program) -> list[int]:
    """The MatMuls g = Ax for which x is a function of some Aᵀy's hat, by following what each vector reads."""
    below: list[set[int]] = []  # MatMuls whose Gaussians a vector is a function of
    found = []
    for k, node in enumerate(program.nodes):
        below.append(set())
        if node.op == "matmul":
            (p, transposed), (x,) = node.data, node.args
            met = {u for u in below[x] if program.nodes[u].data == (p, not transposed)}
            below[k] = {k}.union(*(below[program.nodes[u].args[0]] for u in met))
            found += [k] if met else []
        elif node.op in ("add", "mul", "pow", "call"):
            below[k] = set().union(*(below[a] for a in node.args))
    return found


# verdicts ---------------------------------------------------------------------------------------------


@run(150)
@given(programs())
def test_a_program_without_transposes_is_proved(program: Program) -> None:
    proof = prove(program)
    assert (proof.verdict, proof.failures) == ("proved", ())
    assert all(entry.status in ("proved", "declared") for entry in proof.assumptions)
    assert not contracted(program)


@run(200)
@given(programs(transposes=True))
def test_a_program_is_proved_by_execution_exactly_if_it_contracts(program: Program) -> None:
    proof, expected = prove(program), contracted(program)
    event("contracted" if expected else "not contracted")
    assert proof.verdict == ("proved-by-execution" if expected else "proved")
    assert expected or not proof.failures
    assert list(executed(proof).form.contractions) == expected


# the two sides ----------------------------------------------------------------------------------------


@run(100)
@given(programs(), SEEDS)
def test_changes_are_path_sums_at_every_pair(program: Program, seed: int) -> None:
    """(107), without transposes: J as the limit executes it, C over paths exactly as Definition 5.5 has them."""
    atom, form = random_atoms(seed, program), limit_form(program)
    moved = changes.changes(form, wanted_pairs(form))
    left = recursion({pair: change.terms for pair, change in moved.items()}, atom)
    right = recursion(path_sums(pair_graph(reduced(program))), atom)
    assert left == right


@run(150)
@given(programs(transposes=True), SEEDS)
def test_changes_are_path_sums_with_stretches_at_every_pair(program: Program, seed: int) -> None:
    left, right = changes_and_sums(executed(prove(program)), random_atoms(seed, program))
    assert left == right


@run(150)
@given(programs(transposes=True), SEEDS)
def test_the_three_kernels_agree(program: Program, seed: int) -> None:
    """(122) over J, (96) over C and (100) over D: Σ S·D = Σ R·C, for every pair of outputs."""
    execution, atom = executed(prove(program)), random_atoms(seed, program)
    j, c = changes_and_sums(execution, atom)
    for o, p in product(range(len(program.outputs)), repeat=2):
        by_changes = total(execution.output_changes[o, p], atom, j)
        by_paths = total(execution.kernels[o, p], atom, c)
        assert by_changes == by_paths == kernel_100(execution, atom, o, p)


@run(100)
@given(programs(), SEEDS)
def test_the_listed_paths_sum_to_the_kernel(program: Program, seed: int) -> None:
    """(96) with its pairs p ≅ q one by one."""
    proof, space = prove(program), PathSpace(program)
    assume(proof.path_pairs <= DEFAULT.listed_paths)
    execution, atom = executed(proof), random_atoms(seed, program, forget_untrained_starts=True)
    c = recursion(execution.sums, atom)
    for o, p in product(range(len(program.outputs)), repeat=2):
        pairs = output_pairs_listed(space, o, p, DEFAULT.listed_paths)
        assert execution.listed.get((o, p), []) == pairs
        second, found = dict(program.outputs[p].terms), Fraction(0)
        for v, x in program.outputs[o].terms:
            if v in second:
                products: tuple[Weight, ...] = path_sum(space, x, second[v], pairs)
                found += atom(("kappa", v, 0)) * atom(("moment2", x, second[v]))
                found += atom(("sigma2", v, 0)) * total(tuple((w, None) for w in products), atom, {})
        bias = program.outputs[o].bias
        if bias is not None and bias == program.outputs[p].bias:
            found += atom(("kappa", bias, 0))
        assert found == total(execution.kernels[o, p], atom, c)


@run(60)
@given(programs(max_size=8))
def test_the_listed_paths_are_all_isomorphic_pairs(program: Program) -> None:
    """Definition 5.5 by brute force over all pairs of paths."""
    assume(count(program) <= 300)
    space, every = PathSpace(program), list(paths(program))
    assume(len(every) <= 300)
    found = [(p, q) for p, q in product(every, every) if symbols(program, p) == symbols(program, q)]
    assert len(found) == count(program) == prove(program).path_pairs
    for o, o2 in product(range(len(program.outputs)), repeat=2):
        ends = {
            (g, k)
            for x, y in readout_pairs(space, o, o2)
            for g, k in product(space.gvars_below(x), space.gvars_below(y))
        }
        expected = sorted((p, q) for p, q in found if (p[-1], q[-1]) in ends)
        assert output_pairs_listed(space, o, o2, DEFAULT.listed_paths) == expected


# the gap of D.4.2 -------------------------------------------------------------------------------------


class FiniteSpace:
    """Random values of every direct derivative ∂_a Z^x on a finite probability space, and of every other number.

    A direct derivative is that of x as a function of what it reads in the program without contractions. All atoms,
    of that form and of the contracted one, are expectations of what the chain rule makes of them.
    """

    POINTS = 7

    def __init__(self, program: Program, seed: int) -> None:
        self.program, self.seed = program, seed
        self.plain, self.form = reduced(program), limit_form(program)
        self.numbers = random_atoms(seed, program)

    def constant(self, number: int) -> np.ndarray:
        return np.full(self.POINTS, Fraction(number))

    def direct(self, s: int, x: Ref, a: Ref) -> np.ndarray:
        source = random.Random(f"{self.seed} {s} {x} {a}")
        return np.array([Fraction(source.randint(-(10**4), 10**4)) for _ in range(self.POINTS)])

    def derivative(self, s: int, x: Ref, target: Ref, held: frozenset[Ref]) -> np.ndarray:
        """∂Z^x/∂(target), the contracted MatMuls unwound, with the variables in `held` held fixed."""
        if x == target:
            return self.constant(1)
        below: list[tuple[Any, Ref]] = []
        if x in held:
            below = []
        elif self.form.form(x) is Form.LINEAR:
            for t in self.form.terms(x):
                below.append((prod(map(self.atom, self.form.coefficient_atoms(t, s)), start=Fraction(1)), t.vector))
        elif self.form.form(x) is Form.NONLIN:
            below = [(self.direct(s, x, a), a) for a in self.plain.frontier(x)]
        zero = self.constant(0)
        return sum((factor * self.derivative(s, a, target, held) for factor, a in below), zero)

    def by_frontier(self, s: int, x: Ref, a: Ref) -> np.ndarray:
        """∂_a Z^x, x written out as a function of its frontier in the contracted form."""
        return self.derivative(s, x, a, frozenset(self.form.frontier(x)) - {a})

    def mean(self, values: np.ndarray) -> Fraction:
        return sum(values, Fraction(0)) / self.POINTS

    def _number(self, atom: Atom) -> Fraction:
        if atom[0] == "kappa" and not self.program.parameters[int(atom[1])].trained:
            return Fraction(0)
        return self.numbers(atom)

    def atom(self, atom: Atom) -> Fraction:
        """An atom of the contracted form."""
        kind, *rest = atom
        r = [int(i) for i in rest]
        if kind == "slope":
            return self.mean(self.by_frontier(0, r[0], r[1]) * self.by_frontier(1, r[2], r[3]))
        if kind == "slope1":
            return self.mean(self.by_frontier(r[0], r[1], r[2]))
        if kind == "response":
            return self.mean(self.derivative(r[0], r[1], r[2], frozenset()))
        return self._number(atom)

    def plain_atom(self, atom: Atom) -> Fraction:
        """An atom of the form without contractions."""
        kind, *rest = atom
        r = [int(i) for i in rest]
        if kind == "slope":
            return self.mean(self.direct(0, r[0], r[1]) * self.direct(1, r[2], r[3]))
        if kind == "slope1":
            return self.mean(self.direct(r[0], r[1], r[2]))
        return self._number(atom)


def gap_value(space: FiniteSpace, execution: Execution, o: int, p: int) -> Fraction:
    """K minus the path sum of Proposition D.3, on the finite space."""
    whole = recursion(execution.sums, cache(space.atom))
    plain = recursion(path_sums(pair_graph(space.plain)), cache(space.plain_atom))
    paths_only = total(path_kernel(space.plain, o, p), space.plain_atom, plain)
    return total(execution.kernels[o, p], space.atom, whole) - paths_only


def reported_value(space: FiniteSpace, execution: Execution, o: int, p: int) -> Fraction:
    """The products of expectations that are reported as K minus the path sum, on the finite space."""
    paths_of, limit = PathSpace(space.program), DEFAULT.machine_terms
    derivatives = DirectDerivatives(space.plain, execution.form, limit)
    whole = output_polynomial(execution.sums, execution.kernels[o, p], limit)
    paths_only = output_polynomial(path_sums(paths_of.graph), path_kernel(space.plain, o, p), limit)
    gap = subtract(written_out(derivatives, whole, False), written_out(derivatives, paths_only, True))
    value = Fraction(0)
    for (atoms, expectations), times in gap.items():
        term = times * prod(map(space.atom, atoms), start=Fraction(1))
        for factors in expectations:
            term *= space.mean(prod((space.direct(*f) for f in factors), start=space.constant(1)))
        value += term
    return value


def overlapping() -> Program:
    """tanh(x + b) tanh(x) reads x by itself and in a sum; a contraction elsewhere."""
    b = Builder()
    u, w, c, v = (b.parameter(k, n) for k, n in (("embedding", "U"), ("matrix", "W"), ("bias", "b"), ("readout", "v")))
    x = b.embed(u, b.input("xi"))
    b.output([(v, b.mul(b.call("tanh", b.add(x, b.bias(c))), b.call("tanh", x)))])
    b.output([(v, b.matmul(w, False, b.call("tanh", b.matmul(w, True, x))))])
    return b.program()


@run(150)
@given(programs(transposes=True, max_size=8), SEEDS)
@example(overlapping(), 0)
def test_the_reported_gap_is_zero_exactly_if_the_kernel_is_the_path_sum(program: Program, seed: int) -> None:
    execution, space = executed(prove(program)), FiniteSpace(program, seed)
    for o, p in execution.kernels:
        text, value = kernel_gap(PathSpace(program), execution, o, p), gap_value(space, execution, o, p)
        event(f"gap zero: {value == 0}")
        note(f"reported {text}, value {value}")
        assert (text == "0") == (value == 0) or "too long" in text


@run(100)
@given(programs(transposes=True, max_size=8), SEEDS)
@example(overlapping(), 0)
def test_the_reported_gap_is_the_kernel_minus_the_path_sum(program: Program, seed: int) -> None:
    execution, space = executed(prove(program)), FiniteSpace(program, seed)
    for o, p in execution.kernels:
        try:
            reported = reported_value(space, execution, o, p)
        except TpproofError:  # too long to write out
            assume(False)
        assert reported == gap_value(space, execution, o, p)


def test_a_gap_is_not_called_different_from_zero_unless_it_is() -> None:
    b = Builder()
    u, w, v = b.parameter("embedding", "U", lr=ZERO), b.parameter("matrix", "W"), b.parameter("readout", "v")
    first = b.call("tanh", b.embed(u, b.input("xi")))
    b.output([(v, b.matmul(w, False, b.call("tanh", b.matmul(w, True, first))))])
    assert not prove(b.program()).failures  # the path sum is right
    (undecided,) = prove(b.program(), Limits(machine_terms=2)).failures
    assert undecided.found == "undecided: too long to write out"


def test_a_gap_has_no_expectation_of_nothing() -> None:
    b = Builder()
    u, w, v = b.parameter("embedding", "U"), b.parameter("matrix", "W"), b.parameter("readout", "v")
    x = b.embed(u, b.input("xi"))
    b.output([(v, b.matmul(w, False, b.add(b.matmul(w, True, x), x)))])
    b.output([(v, b.matmul(w, False, b.matmul(w, True, x)))])
    gaps = [failure.found for failure in prove(b.program()).failures if failure.equation.startswith("(96)")]
    assert gaps and not any("E[" in gap for gap in gaps)


# the certificate --------------------------------------------------------------------------------------


@run(150)
@given(programs(transposes=True))
def test_the_checker_accepts_the_certificate(program: Program) -> None:
    certificate = certificate_of(prove(program))
    report = check_bytes(certificate.to_json(), sha256(program))
    assert report.errors == ()
    assert (report.verdict, report.certificate_verdict) == ("accepted", certificate.verdict)
    assert report.steps == len(certificate.steps)


def integers_in(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where the integers of a JSON value stand."""
    if type(value) is int:
        yield place
    elif isinstance(value, list):
        for i, part in enumerate(value):
            yield from integers_in(part, (*place, i))


def with_integer(value: dict[str, Any], step: int, place: tuple[Any, ...], number: int) -> bytes:
    """The certificate's bytes with one integer of one conclusion replaced."""
    changed = copy.deepcopy(value)
    inner = changed["steps"][step]["conclusion"]
    for i in place[:-1]:
        inner = inner[i]
    inner[place[-1]] = number
    return canonical_bytes(changed)


@run(200)
@given(programs(transposes=True), st.data())
def test_the_checker_rejects_a_certificate_with_another_integer_in_a_conclusion(program: Program, data: Any) -> None:
    certificate = certificate_of(prove(program))
    whole = certificate.to_json()
    steps = [s["id"] for s in certificate.steps if any(integers_in(s["conclusion"]))]
    step = data.draw(st.sampled_from(steps), label="step")
    conclusion = certificate.data["steps"][step]["conclusion"]
    note(f"conclusion {conclusion}")
    place = data.draw(st.sampled_from(list(integers_in(conclusion))), label="place")
    number = data.draw(st.integers(-3, len(certificate.steps) + 1), label="number")
    corrupt = with_integer(certificate.data, step, place, number)
    report = check_bytes(corrupt, sha256(program))
    assert report.verdict == ("accepted" if corrupt == whole else "rejected")


@pytest.mark.slow
@settings(max_examples=6, deadline=None, derandomize=True)
@given(programs(transposes=True, max_size=4))
def test_the_checker_rejects_every_integer_of_a_conclusion_changed(program: Program) -> None:
    certificate = certificate_of(prove(program))
    assume(len(certificate.steps) <= 60)
    for step in certificate.steps:
        for place in integers_in(step["conclusion"]):
            number = step["conclusion"]
            for i in place:
                number = number[i]
            for other in (number + 1, number - 1):
                report = check_bytes(with_integer(certificate.data, step["id"], place, other), sha256(program))
                assert report.verdict == "rejected", (step, place, other)


@run(100)
@given(reduced_programs(transposes=True))
def test_the_checker_reads_the_same_reduced_form(form: LimitForm) -> None:
    """Forms, frontiers, contractions and which supports meet: derived twice, by code that shares nothing."""
    program = form.program
    net = Network(to_json(program))
    assert net.contractions == {g: list(uses) for g, uses in form.contractions.items()}
    vectors = [k for k in range(len(program.nodes)) if program.kinds[k] is Kind.VECTOR]
    vectors += [form.base(g) for g in form.contractions]
    assert sorted(net.form) == sorted(vectors)
    for a in vectors:
        assert net.form[a] == form.form(a).value
        if form.form(a) is Form.NONLIN:
            assert [item[1] for item in net.items[a]] == list(form.frontier(a))
        for b in vectors:
            assert bool(net.support[a] & net.support[b]) == form.meets(a, b) == form.answers(a, b)


# the canonical form -----------------------------------------------------------------------------------


@run(150)
@given(programs(transposes=True))
@example(two_hidden_layers(train_input=False))
def test_the_canonical_form_reads_back(program: Program) -> None:
    written = canonical_bytes(to_json(program))
    assert from_json(json.loads(written)) == program
    assert canonical_bytes(to_json(from_json(json.loads(written)))) == written


@run(150)
@given(programs(transposes=True))
def test_the_hash_does_not_change_when_a_program_is_built_again(program: Program) -> None:
    again = replay(program).program()
    assert again == program
    assert sha256(again) == sha256(program)


# finite width -----------------------------------------------------------------------------------------

WIDTH, NETWORKS, SAMPLES, D = 1000, 20, 4, 6
SIMPLE = ("tanh", "sin", "sigmoid")  # those that tests.numeric knows


def kernels_of(program: Program, width: int = WIDTH) -> Iterator[tuple[list[float], list[float]]]:
    """For every pair of outputs: K by Monte-Carlo samples of the limit law, and of wide dense networks."""
    execution, draw = executed(prove(program)), np.random.default_rng(5)
    inputs = tuple([draw.standard_normal((i.parts, D)) for i in program.inputs] for _ in range(2))
    parts = [(i, part) for i, declared in enumerate(program.inputs) for part in range(declared.parts)]
    gram = {
        (s, r, *x, *y): float(inputs[s][x[0]][x[1]] @ inputs[r][y[0]][y[1]]) / D
        for s, r, x, y in product((0, 1), (0, 1), parts, parts)
    }
    samples = [LimitSample(execution.form, gram, 50_000, seed) for seed in range(SAMPLES)]
    networks = [finite_ntk(program, inputs, width, seed) for seed in range(NETWORKS)]  # type: ignore[arg-type]
    for pair, terms in execution.kernels.items():
        yield [s.kernel(execution.sums, terms) for s in samples], [n[pair] for n in networks]


@pytest.mark.slow
@settings(max_examples=8, deadline=None, derandomize=True, phases=[Phase.generate])
@given(programs(transposes=True, abstract=False, max_size=10, known=SIMPLE))
def test_the_kernel_of_a_contracted_program_is_that_of_wide_dense_networks(program: Program) -> None:
    assume(contracted(program))
    for samples, networks in kernels_of(program):
        limit, found = np.mean(samples), np.mean(networks)
        error = np.hypot(np.std(samples, ddof=1) / SAMPLES**0.5, np.std(networks, ddof=1) / NETWORKS**0.5)
        assert abs(found - limit) <= 5 * error + 0.02 * abs(limit), (limit, found, error)  # and a bias of order 1/n


# mutations --------------------------------------------------------------------------------------------


def drawn(number: int, transposes: bool) -> list[Program]:
    """The same random programs in every run."""
    found: list[Program] = []

    @settings(max_examples=number, deadline=None, derandomize=True, database=None)
    @given(programs(transposes=transposes))
    def gather(program: Program) -> None:
        found.append(program)

    gather()
    return found


def drop_zdot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "zdot_of_change", lambda *_: ())


def lose_a_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    true = graph.step_matmul
    rule = (lambda f, a, b: [(s, ()) for s, _ in true(f, a, b)], graph.STEPS["path-extend"][1])
    monkeypatch.setitem(graph.STEPS, "path-extend", rule)


def compare_w_with_its_transpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graph, "path_symbol", lambda form, g: (form.program.symbol(g)[0], False))


def drop_the_forward_zdot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law, "zdot_terms", lambda _: {})


def miss_the_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretches, "contracted_stretches", lambda _: {})


def lose_the_readouts_update(monkeypatch: pytest.MonkeyPatch) -> None:
    true = outputs.change_of_output
    monkeypatch.setattr(prove_module, "change_of_output", lambda f, o, p: true(f, o, p)[1:])


MUTATIONS = {
    drop_zdot: "(107)",
    lose_a_variance: "(107)",
    compare_w_with_its_transpose: "(107)",
    drop_the_forward_zdot: "(65)",
    miss_the_stretches: "(65)",
    lose_the_readouts_update: "(121)-(122)",
}


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda m: m.__name__)
def test_a_mutation_is_refuted_on_random_programs(
    mutate: Callable[[pytest.MonkeyPatch], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    sample = drawn(40, transposes=True)
    assert all(prove(program).verdict != "refuted" for program in sample)
    mutate(monkeypatch)
    refuted = [proof for proof in map(prove, sample) if proof.verdict == "refuted"]
    assert any(failure.equation == MUTATIONS[mutate] for proof in refuted for failure in proof.failures)
