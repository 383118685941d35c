"""The limit's side of the cross-check: numbers that the proof says, with their errors. Nothing here is a network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT
from tpproof.limits import Limits as Bounds
from tpproof.numerics.crosscheck.expected.contracted import StepForms
from tpproof.numerics.crosscheck.expected.limit_values import InputPair, PairNumbers, Sampling, replicates
from tpproof.numerics.crosscheck.expected.trajectories import (
    Kernels,
    descent_error,
    execution_of,
    kernels,
    standard_error,
)
from tpproof.numerics.crosscheck.quantities import Kind, Quantity, Setting
from tpproof.numerics.functions import Array
from tpproof.proof.prove import Execution, Proof

OF_KERNELS = (Kind.KERNEL, Kind.OUTPUT_CHANGE, Kind.TRAJECTORY)


@dataclass(frozen=True)
class Limits:
    """What the proof says about quantities.

    Attributes
    ----------
    values, errors
        float64 (Q,): limits, and their standard errors (bounds, of kernels that need no sample; 0 where exact).
    """

    values: Array
    errors: Array


def limits(
    proof: Proof,
    quantities: Sequence[Quantity],
    setting: Setting,
    seed: int = 0,
    points: int | None = None,
    replicates: int = 16,
    limits: Bounds = DEFAULT,
    sampled: bool = False,
    known: Kernels | None = None,
) -> Limits:
    """The limits of quantities, from the proof alone.

    Kernels, changes of outputs and the errors of trajectories come without samples where expectations reduce. All else
    comes from replicates of a randomised quasi-Monte Carlo sample of the limit law: each quantity is computed from each
    replicate, so that errors respect how its parts vary together.

    Parameters
    ----------
    proof
        What was found about the network; C and D are its sums.
    quantities
        Of `choice.choose`, or any with such addresses.
    setting
        Inputs, χ, and the trajectories' data.
    seed, points, replicates
        Of the sample: scramblings, points of each replicate (a power of 2; None: as many as the limits have room for,
        at most 2^14), how many.
    limits
        Bounds on the sample.
    sampled
        Sample kernels in any case.
    known
        The kernels, where somebody has them already.

    Raises
    ------
    TpproofError
        E150 for a refused network or an abstract nonlinearity, E151 for a setting that does not fit, E152 when a
        limit is not finite, E104 when the sample would be too large.
    """
    execution = execution_of(proof)
    sampling = Sampling(points, replicates, seed)
    values, errors = np.zeros(len(quantities)), np.zeros(len(quantities))
    mine = [k for k, q in enumerate(quantities) if q.kind in OF_KERNELS]
    if mine:
        found = known or kernels(proof, setting, sampling, limits, sampled)
        with np.errstate(all="ignore"):  # what is not finite is seen below
            values[mine], errors[mine] = _of_kernels(found, [quantities[k] for k in mine], setting)
    others = [k for k, q in enumerate(quantities) if q.kind not in OF_KERNELS]
    if others:
        drawn = _drawn(execution, [quantities[k] for k in others], setting, sampling, limits)
        values[others], errors[others] = drawn.mean(axis=0), standard_error(drawn)
    if not (np.isfinite(values).all() and np.isfinite(errors).all()):
        first = quantities[int(np.argmin(np.isfinite(values + errors)))]
        raise TpproofError("E152", f"{first.name}: a limit that is not finite", "vectors whose values a float can hold")
    return Limits(values, errors)


# kernels, changes of outputs, trajectories ------------------------------------------------------------


def _of_kernels(found: Kernels, wanted: Sequence[Quantity], setting: Setting) -> tuple[Array, Array]:
    chi = np.array(setting.slopes)
    prediction = descent_error(found, setting) if any(q.kind is Kind.TRAJECTORY for q in wanted) else None
    values, errors = np.zeros(len(wanted)), np.zeros(len(wanted))
    for k, quantity in enumerate(wanted):
        match quantity.kind:
            case Kind.KERNEL:
                o, p, i, j = quantity.key
                values[k], errors[k] = found.value[i, o, j, p], found.error[i, o, j, p]
            case Kind.OUTPUT_CHANGE:
                o, i, j = quantity.key
                each = -found.drawn[:, i, o, j, :] @ chi
                values[k] = each.mean()
                exact = found.bound is not None
                errors[k] = found.error[i, o, j, :] @ np.abs(chi) if exact else standard_error(each)
            case _:
                assert prediction is not None
                t, o, i = quantity.key
                errors[k] = prediction[t, i, o]
    return values, errors


# everything else, one replicate at a time -------------------------------------------------------------


def pairs_of(quantity: Quantity) -> list[InputPair]:
    """The pairs of inputs whose numbers a quantity needs."""
    key = quantity.key
    match quantity.kind:
        case Kind.KERNEL | Kind.PARAMETER | Kind.SLOPE | Kind.SUM | Kind.READOUT_START | Kind.MOMENT2 | Kind.START:
            return [(key[-2], key[-1])]
        case Kind.SIGNAL:
            return [(key[2], key[5])]
        case Kind.CHANGE:
            return [(key[1], key[4]), (key[4], key[4])]
        case Kind.RESPONSE:
            return [(key[1], key[4])]
        case Kind.OUTPUT_CHANGE:
            return [(key[1], key[2])]
    return []


def _input_of(quantity: Quantity) -> int:
    """That of a quantity of one input; any, of one that knows none."""
    return 0 if quantity.kind in (Kind.MATMUL, Kind.READOUT) else quantity.key[1]


def _drawn(
    execution: Execution, wanted: Sequence[Quantity], setting: Setting, sampling: Sampling, limits: Bounds
) -> Array:
    """``[replicate, quantity]``."""
    pairs = list(dict.fromkeys(pair for q in wanted for pair in pairs_of(q)))
    seen = {i for pair in pairs for i in pair}
    for quantity in wanted:
        i = _input_of(quantity)
        if not pairs_of(quantity) and i not in seen:
            pairs.append((i, i))
            seen.add(i)
    found = np.zeros((sampling.replicates, len(wanted)))
    for r, numbers in enumerate(replicates(execution, setting, pairs, sampling, limits)):
        with np.errstate(all="ignore"):  # what is not finite is seen by the caller
            reader = Replicate(numbers, setting)
            found[r] = [reader.value(q) for q in wanted]
    return found


class Replicate:
    """The value of every quantity from one set of points."""

    def __init__(self, numbers: dict[InputPair, PairNumbers], setting: Setting) -> None:
        self.numbers, self.chi = numbers, np.array(setting.slopes)
        self.place = {i: (pair, s) for pair in numbers for s, i in enumerate(pair)}
        self.first = next(iter(numbers.values()))
        self.program, self.form = self.first.program, self.first.law.form
        self.classes: dict[tuple[int, bool], list[int]] = defaultdict(list)
        for g in self.program.gvars:
            self.classes[self.program.symbol(g)].append(g)
        self._steps: dict[InputPair, StepForms] = {}
        self._sums_sent: dict[tuple[int, int], list[Array]] = {}
        self.readers: dict[Kind, Callable[..., float]] = {
            Kind.KERNEL: lambda o, p, i, j: float(self.numbers[i, j].kernel[:, o, p].sum()),
            Kind.OUTPUT_CHANGE: lambda o, i, j: -float(self.numbers[i, j].kernel[:, o].sum(axis=0) @ self.chi),
            Kind.PARAMETER: lambda q, o, p, i, j: float(self.numbers[i, j].kernel[q, o, p]),
            Kind.MEAN: lambda x, i: self._at(i).law.mean(self.place[i][1], x),
            Kind.MOMENT2: lambda x, y, i, j: self.numbers[i, j].law.moment2(0, x, 1, y),
            Kind.MOMENT4: lambda x, i: self._at(i).law.moment4(self.place[i][1], x),
            Kind.SCALAR: lambda k, i: self._at(i).law.scalar(self.place[i][1], k),
            Kind.SIGNAL: lambda g, o, i, k, p, j: float(self._signal(i, j, g, k)[o, p]),
            Kind.START: lambda g, k, i, j: self.numbers[i, j].weight((self.form.base(g), self.form.base(k)), None),
            Kind.MATMUL: self._through_matrix,
            Kind.SUM: lambda x, a, y, b, i, j: self.numbers[i, j].weight((x, y), (a, b)),
            Kind.SLOPE: lambda x, a, y, b, i, j: self.numbers[i, j].weight((x, y), (a, b)),
            Kind.READOUT_START: lambda o, x, p, y, i, j: self.numbers[i, j].readout_start(o, p, x, y),
            Kind.READOUT: lambda o, x, p, y: self.first.readout_weight(o, p, (x, y)),
            Kind.CHANGE: self._change,
            Kind.RESPONSE: lambda g, i, k, p, j: -float(self.chi[p]) * self.numbers[i, j].path_sum(g, k),
        }

    def value(self, quantity: Quantity) -> float:
        """One number."""
        return self.readers[quantity.kind](*quantity.key)

    def _at(self, i: int) -> PairNumbers:
        return self.numbers[self.place[i][0]]

    def _signal(self, i: int, j: int, g: int, k: int) -> Array:
        return self.numbers[i, j].signal(self.form.base(g), self.form.base(k))

    def _through_matrix(self, g: int, k: int) -> float:
        nodes = self.program.nodes
        return self.first.weight((g, k), (nodes[g].args[0], nodes[k].args[0]))

    def _change(self, g: int, i: int, k: int, p: int, j: int) -> float:
        """−Σ_q χ_q Σ_m C(g, m) D_qp(m, k): (107) times Z^dk; with contractions, the decontraction lemma's."""
        if self.form.contractions:
            if (i, j) not in self._steps:
                self._steps[i, j] = StepForms(self.numbers[i, j], tuple(self.chi))
            return self._steps[i, j].change(g, k, p)
        answers = (self.numbers[i, j].path_sum(g, m) for m in self.classes[self.program.symbol(g)])
        return -sum(c * s for c, s in zip(answers, self._sent(j, k, p), strict=True))

    def _sent(self, j: int, k: int, p: int) -> list[float]:
        """Σ_q χ_q D_qp(m, k) at input j, m every G-var of k's symbol."""
        if (j, k) not in self._sums_sent:
            self._sums_sent[j, k] = [self.chi @ self._signal(j, j, m, k) for m in self.classes[self.program.symbol(k)]]
        return [float(sent[p]) for sent in self._sums_sent[j, k]]
