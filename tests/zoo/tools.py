"""A zoo network or a small text → its proof → its kernel at a pair of inputs, as a number."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from tests.closed_forms import ClosedForms
from tests.precision import Real, relative_error
from tests.zoo.inputs import Joint, as_mapping
from tpproof.language.interpreter import parse
from tpproof.language.source import load
from tpproof.program.model import Program
from tpproof.proof.prove import Execution, prove

TOLERANCE = 1e-10
SCIENTIFIC = ("proved", "conditional")  # conditional: kinked functions, as in every ReLU paper


def proved(source: str, **constants: str) -> Execution:
    """The proof's execution: of ``zoo:NAME``, or of a text."""
    return _proved(source, tuple(sorted(constants.items())))


@cache
def _proved(source: str, constants: tuple[tuple[str, str], ...]) -> Execution:
    proof = prove(_program(source, dict(constants)))
    assert proof.verdict in SCIENTIFIC, proof.verdict
    assert proof.execution is not None
    return proof.execution


def _program(source: str, constants: Mapping[str, str]) -> Program:
    """`std_w` is that of every weight, the embedding's too, unless `std_u` is given: as the literature has it."""
    if not source.startswith("zoo:"):
        return parse(source, "test", constants)
    everywhere = {"std_u": constants["std_w"]} if "std_w" in constants else {}
    return load(source, {**everywhere, **constants})


def at(execution: Execution, gram: Joint) -> ClosedForms:
    """The kernel at a pair of inputs; the network's only input has as many parts as the Gram matrix."""
    return ClosedForms(execution, as_mapping(gram))


def assert_equal(found: Real, expected: Real) -> None:
    """Equal to a relative 1e-10."""
    assert relative_error(found, expected) < TOLERANCE, (found, expected)


def differ(found: Real, expected: Real) -> bool:
    """Far more than `assert_equal` lets pass."""
    return relative_error(found, expected) > 1e-3
