"""The proof of one network: ledger, both sides, their comparison, the kernel, the verdict."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from tpproof.errors import TpproofError
from tpproof.limit.backward import Kernel100, Signal, error_signals, kernel_100
from tpproof.limit.changes import Change, changes, wanted_pairs
from tpproof.limit.law import LimitForm, limit_form
from tpproof.limit.machine import Machine
from tpproof.limit.outputs import change_of_output
from tpproof.limits import DEFAULT, Limits
from tpproof.paths.count import PathSpace, counts, total
from tpproof.paths.graph import back_sums, pair_graph, path_sums
from tpproof.paths.kernel import path_kernel
from tpproof.paths.listing import Path, output_pairs_listed, path_sum, readout_pairs
from tpproof.paths.stretches import stretched_form
from tpproof.program.atoms import Pair, Terms, Weight, kappa, sigma2, weight
from tpproof.program.automorphisms import symmetries
from tpproof.program.model import Program
from tpproof.program.reduced import Reduced
from tpproof.program.symmetry import NO_SYMMETRY, Orbits
from tpproof.proof.difference import (
    DirectDerivatives,
    expansion_text,
    missing_terms,
    output_polynomial,
    subtract,
    written_out,
)
from tpproof.proof.induction import Failure, compare_changes, compare_signals, compare_sources
from tpproof.proof.ledger import Assumption, axioms, ledger, verdict_of
from tpproof.proof.polynomial import Polynomial, collect

Progress = Callable[[str], None]
REFUSED, REFUTED = "refused", "refuted"


@dataclass(frozen=True)
class Execution:
    """Both sides of the induction and what follows, all compared; of each orbit, the pair that stands for it."""

    form: LimitForm
    orbits: Orbits
    changes: dict[Pair, Change]
    sums: dict[Pair, Terms]
    rules: dict[Pair, str]  # of the pair graph
    signals: dict[Pair, Signal]
    ntk: Kernel100
    kernels: dict[tuple[int, int], Terms]  # (96) for outputs o, p
    output_changes: dict[tuple[int, int], Terms]  # (121) for outputs o, p
    listed: dict[tuple[int, int], list[tuple[Path, Path]]] = field(default_factory=dict)

    @cached_property
    def every_sum(self) -> dict[Pair, Terms]:
        """C of every pair, each after those it rests on: of the pairs that stand for an orbit, and of their images."""
        if not self.orbits.symmetries:
            return self.sums
        return {image: terms for pair, own in self.sums.items() for image, terms in self.orbits.images(pair, own)}


@dataclass(frozen=True)
class Proof:
    """What was found about one network. ``execution`` is None when it is refused."""

    program: Program
    verdict: str
    assumptions: tuple[Assumption, ...]
    axioms: tuple[str, ...]
    path_pairs: int
    failures: tuple[Failure, ...] = ()
    execution: Execution | None = None
    machine: bool = False  # whether the abstract machine, for small networks a third opinion, has agreed


def _silent(_: str) -> None:
    return None


def prove(program: Program, limits: Limits = DEFAULT, progress: Progress | None = None) -> Proof:
    """Run the proof of *Tensor Programs IIb* on a network (MATH §6, §7).

    Verdicts: ``proved`` (107, 96 and 122 hold), ``proved-by-execution`` (122 holds with (100), the path sum does
    not), ``conditional``, ``refused`` (an assumption is violated: nothing is claimed), ``refuted`` (a comparison
    failed: a bug in the paper or in us).

    Raises
    ------
    TpproofError
        E104 when a limit is reached.
    """
    say = progress or _silent
    say("assumptions")
    form = limit_form(program)
    contracted = tuple(sorted(form.contractions))
    entries = ledger(program, contracted)
    used_axioms = axioms(program, contracted, entries)
    verdict = verdict_of(entries, contracted)
    if verdict == REFUSED:
        return Proof(program, verdict, entries, used_axioms, 0)
    execution, failures = _execute(program, form, limits, say)
    space = PathSpace(program, limits, execution.orbits)
    say("counting paths")
    pairs = total(space, counts(space), space.same_symbol_pairs(space.read_gvars, space.read_gvars))
    if failures:
        return Proof(program, REFUTED, entries, used_axioms, pairs, tuple(failures), execution)
    say("the abstract machine")
    failures, machine = _compare_machine(space, execution, limits)
    if failures:
        return Proof(program, REFUTED, entries, used_axioms, pairs, tuple(failures), execution)
    if contracted:
        say("comparing with the path sum")
        gap = tuple(_gap(program, space, execution, limits))
        return Proof(program, verdict, entries, used_axioms, pairs, gap, execution, machine)
    if pairs <= limits.listed_paths and not execution.orbits.symmetries:
        say("listing paths")
        execution = replace(execution, listed=_listed(space, execution, limits))
        failures = _compare_listed(space, execution, limits)
        if failures:
            return Proof(program, REFUTED, entries, used_axioms, pairs, tuple(failures), execution)
    return Proof(program, verdict, entries, used_axioms, pairs, (), execution, machine)


def _execute(
    program: Program, form: LimitForm, limits: Limits, say: Progress
) -> tuple[Execution, list[Failure]]:
    left, orbits = _changes(form, limits, say)
    signals = error_signals(form, left, orbits)
    ntk = kernel_100(form, left)
    say("the pair graph")
    stretched = stretched_form(program)
    failures = _compare_contractions(form, stretched)
    graph = pair_graph(stretched, limits, orbits)
    sums = path_sums(graph)
    say("comparing the two sides")
    failures += compare_changes(program, left, sums)
    failures += compare_signals(program, signals, back_sums(graph, orbits))
    failures += compare_sources(program, ntk, graph)
    outputs = range(len(program.outputs))
    kernels = {(o, p): path_kernel(stretched, o, p) for o in outputs for p in outputs}
    moved = {(o, p): change_of_output(form, o, p) for o in outputs for p in outputs}
    for (o, p), terms in kernels.items():
        if moved[o, p] != terms:
            x = program.outputs[o].terms[0][1]
            failures.append(Failure(x, "(121)-(122)", str(terms)[:300], str(moved[o, p])[:300]))
    rules = dict(graph.nodes(data="rule"))
    return Execution(form, orbits, left, sums, rules, signals, ntk, kernels, moved), failures


def _changes(form: LimitForm, limits: Limits, say: Progress) -> tuple[dict[Pair, Change], Orbits]:
    """The left side: every pair where they are few, else one pair of each orbit of the network's symmetries."""
    say("the unrolled step")
    wanted = wanted_pairs(form, limits)
    few = min(limits.explicit_pairs, limits.pairs)
    try:
        return changes(form, wanted, replace(limits, pairs=few)), NO_SYMMETRY
    except TpproofError as error:
        if error.code != "E104" or few == limits.pairs:
            raise
    say("symmetries")
    orbits = Orbits(symmetries(form.program, limits))
    say("the unrolled step")
    return changes(form, wanted, limits, orbits), orbits


def _compare_contractions(form: LimitForm, stretched: Reduced) -> list[Failure]:
    """ZDot (65) on the left, contracted stretches on the right: the same MatMuls."""
    failures = []
    for g in sorted(form.contractions.keys() | stretched.contractions.keys()):
        found, expected = form.contractions.get(g, ()), stretched.contractions.get(g, ())
        if found != expected:
            failures.append(Failure(g, "(65)", f"contractions {expected}", f"contractions {found}"))
    return failures


def _compare_machine(space: PathSpace, execution: Execution, limits: Limits) -> tuple[list[Failure], bool]:
    """K by (122) and by (100), both executed with every ZDot term, against the kernel; False if it is too large."""
    if execution.orbits.symmetries:  # a large network
        return [], False
    machine, failures = Machine(space.program, limits), []
    derivatives = DirectDerivatives(space.form, execution.form, limits.machine_terms)
    try:
        for (o, p), kernel in execution.kernels.items():
            executed, defined = machine.kernel_122(o, p), machine.kernel_100(o, p)
            polynomial = output_polynomial(execution.sums, kernel, limits.machine_terms)
            if not executed == defined == subtract(written_out(derivatives, polynomial, False), {}):
                texts = [expansion_text(space.program, k)[:300] for k in (defined, executed)]
                failures.append(Failure(space.program.outputs[o].terms[0][1], f"(122), outputs {o} and {p}", *texts))
    except TpproofError:
        return failures, False
    return failures, True


def _listed(space: PathSpace, execution: Execution, limits: Limits) -> dict[tuple[int, int], list[tuple[Path, Path]]]:
    """The pairs p ≅ q for every pair of outputs that has any."""
    found = {(o, p): output_pairs_listed(space, o, p, limits.listed_paths) for o, p in execution.kernels}
    return {outputs: pairs for outputs, pairs in found.items() if pairs}


def _compare_listed(space: PathSpace, execution: Execution, limits: Limits) -> list[Failure]:
    """(96) over the listed pairs p ≅ q, one by one, against the recursion: the same sum of products."""
    failures = []
    for (o, p), pairs in execution.listed.items():
        kernel = execution.kernels[o, p]
        try:
            recursive = output_polynomial(execution.sums, kernel, limits.machine_terms)
        except TpproofError:  # listed, but too long to write out: the recursion's comparison stands
            continue
        one_by_one = collect([*(w for w, ref in kernel if ref is None), *_readout_products(space, o, p, pairs)])
        expected = _without_untrained_starts(space.program, recursive)
        if one_by_one != expected:
            x = readout_pairs(space, o, p)[0][0]
            failures.append(Failure(x, "(96)", f"{len(expected)} products", f"{len(one_by_one)} products listed"))
    return failures


def _readout_products(space: PathSpace, o: int, p: int, pairs: list[tuple[Path, Path]]) -> list[Weight]:
    """σ_v² ⟨p,q⟩ E[∂x̃ ∂y] over the listed pairs, for every readout that o and p share."""
    second = dict(space.program.outputs[p].terms)
    products = []
    for v, x in space.program.outputs[o].terms:
        if v in second:
            products += [weight([sigma2(v), *w]) for w in path_sum(space, x, second[v], pairs)]
    return products


def _without_untrained_starts(program: Program, polynomial: Polynomial) -> Polynomial:
    """Drop products with κ = 0 of an initial G-var: D.4.1 has no path that starts there."""
    still = {
        kappa(p)
        for p, parameter in enumerate(program.parameters)
        if parameter.kind in ("embedding", "bias") and not parameter.trained
    }
    return {w: n for w, n in polynomial.items() if not still.intersection(w)}


def _gap(program: Program, space: PathSpace, execution: Execution, limits: Limits) -> list[Failure]:
    """D.4.2's gap: the G-vars at which (107) fails, and K minus the path sum of Proposition D.3."""
    found = [
        Failure(g, "(107)", "Σ_q −χ C(g~,q)·Z^dq, modulo hats", f"that plus {terms}")
        for g, terms in missing_terms(program, DirectDerivatives(space.form, execution.form, limits.machine_terms))
    ]
    for o, p in execution.kernels:
        difference = kernel_gap(space, execution, o, p, limits)
        if difference != "0":
            x = program.outputs[o].terms[0][1]
            found.append(Failure(x, f"(96), outputs {o} and {p}", "K minus the path sum = 0", difference))
    return found


def kernel_gap(space: PathSpace, execution: Execution, o: int, p: int, limits: Limits = DEFAULT) -> str:
    """K_op − Σ_{p≅q} ⟨p,q⟩ written out, terms with κ = 0 left out."""
    program, plain = space.program, space.form
    if execution.orbits.symmetries:
        return "undecided: too long to write out"
    try:
        derivatives = DirectDerivatives(plain, execution.form, limits.machine_terms)
        whole = output_polynomial(execution.sums, execution.kernels[o, p], limits.machine_terms)
        paths_only = output_polynomial(path_sums(space.graph), path_kernel(plain, o, p), limits.machine_terms)
        gap = subtract(written_out(derivatives, whole, False), written_out(derivatives, paths_only, True))
    except TpproofError:
        return "undecided: too long to write out"
    still = [i for i, parameter in enumerate(program.parameters) if not parameter.trained]
    zero = {kappa(i, transposed) for i in still for transposed in (False, True)}
    return expansion_text(program, {key: n for key, n in gap.items() if not zero.intersection(key[0])})

