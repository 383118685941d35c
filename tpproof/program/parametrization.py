"""Parametrizations (extension 1): the same forward law σ, written and trained in different ways.

A parameter is known by σ² = scale²·std² and κ = lr·scale². Which of std, scale and lr carries them is a matter of
writing; giving them other learning rates is another network, with another kernel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

from tpproof.errors import TpproofError
from tpproof.program.constants import ONE, ZERO, Constant, mul, power, sign
from tpproof.program.model import Parameter, Program
from tpproof.program.replay import replay


def _size(p: Parameter) -> Constant:
    """|scale|: w and −w have one law."""
    return mul(Fraction(-1), p.scale) if sign(p.scale) < 0 else p.scale


def _sigma(p: Parameter) -> Constant:
    return mul(_size(p), p.std)


def scale_one(p: Parameter) -> Parameter:
    """std = σ, scale = 1, lr = κ: the same network."""
    return replace(p, std=_sigma(p), scale=ONE, lr=p.rate())


def std_one(p: Parameter) -> Parameter:
    """std = 1, scale = σ, lr = κ/σ²: the same network. What starts at 0 stays as it is."""
    if p.std == 0:
        return p
    return replace(p, std=ONE, scale=_sigma(p), lr=mul(p.lr, power(p.std, Fraction(-2))))


def lr_one(p: Parameter) -> Parameter:
    """lr = 1, scale = √κ, std = σ/√κ: the same network. What is not trained stays as it is."""
    if not p.trained:
        return p
    root = power(p.lr, Fraction(1, 2))
    return replace(p, std=mul(p.std, power(root, Fraction(-1))), scale=mul(_size(p), root), lr=ONE)


def yang(p: Parameter) -> Parameter:
    """σ in the sampling, learning rate 1 (Yang): κ = 1."""
    return replace(scale_one(p), lr=ONE if p.trained else ZERO)


def ntk(p: Parameter) -> Parameter:
    """σ as the forward multiplier, learning rate 1 (Jacot et al., neural-tangents' "ntk"): κ = σ²."""
    return replace(std_one(p), lr=ONE if p.trained else ZERO)


def standard(p: Parameter) -> Parameter:
    """Weights N(0, σ²/fan-in) trained as they are, with one learning rate η/n for all.

    In the limit embeddings, vector parameters and output biases do not move; a matrix of cols·n columns has κ = cols,
    a readout of length rows·n has κ = rows.
    """
    rate = {"matrix": p.cols, "readout": p.rows}.get(p.kind, ZERO)
    return replace(scale_one(p), lr=rate if p.trained else ZERO)


PARAMETRIZATIONS: dict[str, tuple[Callable[[Parameter], Parameter], bool]] = {
    "scale=1": (scale_one, True),
    "std=1": (std_one, True),
    "lr=1": (lr_one, True),
    "yang": (yang, False),
    "ntk": (ntk, False),
    "standard": (standard, False),
}
"""Name → (what becomes of a parameter, whether the kernel stays what it is)."""


def reparametrized(program: Program, name: str) -> Program:
    """The network in another parametrization of the same forward pass.

    Parameters
    ----------
    program
        The network.
    name
        ``scale=1``, ``std=1`` or ``lr=1``: written so, σ and κ kept, hence the kernel. ``yang``, ``ntk`` or
        ``standard``: the learning rates of that convention, hence another kernel. Untrained parameters stay untrained.

    Raises
    ------
    TpproofError
        E103 for an unknown name, E104 or E125 when a constant becomes too long.
    """
    if name not in PARAMETRIZATIONS:
        raise TpproofError("E103", f"the parametrization {name[:40]!r}", f"one of {', '.join(PARAMETRIZATIONS)}")
    change, _ = PARAMETRIZATIONS[name]
    return replay(replace(program, parameters=tuple(map(change, program.parameters)))).program(program.name)
