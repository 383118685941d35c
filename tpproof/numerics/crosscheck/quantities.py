"""What is compared: numbers that the limit knows and that a finite network has.

A quantity is an address, not a value: `limits` evaluates it from the proof, `measure` reads it off a finite network,
and neither knows how the other does it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    """What a quantity is. ``i`` and ``j`` number inputs; vectors are nodes of the program.

    A vector of length m = c·n is averaged over its own coordinates: xᵀy/n below is xᵀy/m, dg = √m ∂f/∂g,
    δg = √m (g after one step − g before it).
    """

    KERNEL = "kernel"
    """K_n[o, p](ξ_i, ξ_j) → K, Eq. (100). key: (o, p, i, j)."""
    PARAMETER = "kernel-of-parameter"
    """The part of K_n that training one parameter makes, Eq. (100). key: (parameter, o, p, i, j)."""
    MEAN = "mean"
    """xᵀ1/n at ξ_i → E[Z^x], Theorem B.4. key: (x, i)."""
    MOMENT2 = "second-moment"
    """xᵀy/n at ξ_i and ξ_j → E[Z^x Z^y], Theorem B.4. key: (x, y, i, j)."""
    MOMENT4 = "fourth-moment"
    """Σ_α x_α⁴/n at ξ_i → E[(Z^x)⁴], Theorem B.4. key: (x, i)."""
    SCALAR = "scalar"
    """A Moment, or a function of Moments, θ at ξ_i → θ̊. key: (θ, i)."""
    SIGNAL = "error-signals"
    """dgᵀdk/n of output o at ξ_i and output p at ξ_j → D(g, k) = E[Z^dg Z^dk], (105)–(106). key: (g, o, i, k, p, j)."""
    SLOPE = "slope"
    """Σ_α (∂_a x)_α (∂_b y)_α/n at ξ_i and ξ_j → the weight with which C(a, b) stands in C(x, y), an edge of a pair of
    paths (95), which is E[∂_a Z^x ∂_b Z^y]. key: (x, a, y, b, i, j). The formula of x is differentiated down to the
    linear combinations of G-vars that it reads (a is one of them: a G-var, or a sum or multiple of G-vars, no part of
    which is looked into; x itself, if it is one); scalars are constants. No MatMul that is contracted lies between x
    and a. ~g is a contracted G-var's hat: by g itself, and nothing passes through g to what it contracts with."""
    START = "start"
    """κ hᵀk/n (κ ξᵀξ'/d, κ) of G-vars Wh at ξ_i and Wk at ξ_j (Uξ, b) → the term κ E[Z^h Z^k] of C, with which pairs of
    paths begin (95). key: (g, k, i, j)."""
    MATMUL = "variance"
    """‖Wh‖² + ‖Wk‖² over ‖h‖² + ‖k‖², all inputs together → σ_W², the weight of C(h, k) in C(Wh, Wk) (95). key:
    (Wh, Wk), neither of which is contracted."""
    SUM = "sum"
    """The factor with which a stands in x, times that of b in y → the weight of C(a, b) in C(x, y), x or y a sum or a
    multiple: numbers, or Moments at ξ_i and ξ_j. key: (x, a, y, b, i, j); a is x where only y is a sum."""
    READOUT_START = "readout-start"
    """κ xᵀy/n of readouts that read x in output o and y in output p → the term κ E[Z^x Z^y] of K_op (100). key:
    (o, x, p, y, i, j)."""
    READOUT = "readout-variance"
    """‖v‖² of the same readouts → σ_v², the weight of C(x, y) in K_op (100). key: (o, x, p, y)."""
    CHANGE = "change"
    """dkᵀδg/n, dk of output p at ξ_j (the training input), δg at ξ_i → E[Z^dk Z^δg], which (107) gives. key:
    (g, i, k, p, j). The step trains on ξ_j alone with the χ of `Setting`, rate 1 (each parameter's own lr times that).
    dk is that of the network before the step, which is so small that nothing is lost to linearization, and divided by
    its rate."""
    RESPONSE = "response"
    """The coefficient of Z^dk in Z^δg, by (107) −χ̊ C(g, k): δg projected on the error signals of its symbol, whose
    own inner products are measured too. key: (g, i, k, p, j). The projection is the least-squares one on all error
    signals d^{(q)}k' at ξ_j, k' of the symbol of g, q every output, without those that are 0 in the limit. Listed only
    where these are independent in the limit, in networks without contractions."""
    OUTPUT_CHANGE = "output-change"
    """One step's f_o(ξ_i) change, trained on ξ_j → −Σ_p χ_p K_op(ξ_i, ξ_j), (122). key: (o, i, j)."""
    TRAJECTORY = "trajectory"
    """f_o(ξ_i) after t steps of SGD minus kernel gradient descent (22) from the network's own f at the start. Its
    limit is 0. key: (t, o, i)."""


Key: TypeAlias = tuple[int, ...]

_STAGES: tuple[tuple[Kind, ...], ...] = (
    (Kind.MEAN, Kind.MOMENT2, Kind.MOMENT4, Kind.SCALAR),
    (Kind.SIGNAL,),
    (Kind.START, Kind.MATMUL, Kind.SUM, Kind.SLOPE),
    (Kind.READOUT_START, Kind.READOUT),
    (Kind.CHANGE, Kind.RESPONSE),
    (Kind.PARAMETER,),
    (Kind.KERNEL,),
    (Kind.OUTPUT_CHANGE,),
    (Kind.TRAJECTORY,),
)
_NODES: dict[Kind, tuple[int, ...]] = {
    Kind.MEAN: (0,),
    Kind.MOMENT2: (0, 1),
    Kind.MOMENT4: (0,),
    Kind.SCALAR: (0,),
    Kind.SIGNAL: (0, 3),
    Kind.START: (0, 1),
    Kind.MATMUL: (0, 1),
    Kind.SUM: (0, 2),
    Kind.SLOPE: (0, 2),
    Kind.CHANGE: (0,),
    Kind.RESPONSE: (0, 2),
}
"""Which entries of a key are nodes of the program, in whose order the proof comes to them."""


@dataclass(frozen=True)
class Quantity:
    """One number that both sides know.

    Attributes
    ----------
    kind, key
        Its address, see `Kind`.
    name
        As the report calls it: "K(ξ̃, ξ)", "(107) at g4 with dg2", "E[Z^x3 Z^x3]".
    equation
        Of the paper: "(100)".
    exact
        Whether it is the same number in every network, by the program: compared up to rounding.
    """

    kind: Kind
    key: tuple[int, ...]
    name: str
    equation: str
    exact: bool = False

    @property
    def place(self) -> tuple[int, int, Key]:
        """Where the proof comes to it: the limit law, error signals from the readouts down, steps of paths, (107) from
        the inputs up, the kernel, training.
        """
        stage = next(k for k, kinds in enumerate(_STAGES) if self.kind in kinds)
        node = max(self.key[k] for k in _NODES[self.kind]) if self.kind in _NODES else 0
        return stage, -node if self.kind is Kind.SIGNAL else node, self.key


@dataclass(frozen=True)
class Setting:
    """What all networks of one cross-check are given.

    Attributes
    ----------
    inputs
        ``inputs[i]``: the parts of all inputs in order, each a row of d numbers; (N, parts, d) as nested tuples.
    targets
        ``targets[i][o]`` for the trajectories' square loss.
    slopes
        χ_p, the loss's derivative at each output, of the one step that the (107) tests take.
    steps, rate
        Of the trajectories: T steps of SGD on the batch of all inputs but the first (ξ̃).
    """

    inputs: tuple[tuple[tuple[float, ...], ...], ...]
    targets: tuple[tuple[float, ...], ...]
    slopes: tuple[float, ...]
    steps: int = 3
    rate: float = 0.5
