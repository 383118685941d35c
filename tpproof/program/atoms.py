"""Expectation atoms: the only vocabulary that the left side (`limit`) and the right side (`paths`) share.

An atom is a tuple ``(kind, …)``; its meaning stands in docs/certificate-format.md. A *term* is a product
of atoms times one earlier quantity, a pair of references; a tuple of terms means their sum.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from tpproof.program.model import Kind, Program

Ref: TypeAlias = int
"""A vector: node k, or ``~g``, the hat of a contracted MatMul g."""
Pair: TypeAlias = tuple[Ref, Ref]
"""A vector at ξ̃ and a vector at ξ."""
Atom: TypeAlias = tuple[str | int, ...]
Weight: TypeAlias = tuple[Atom, ...]
Term: TypeAlias = tuple[Weight, Pair | None]
Terms: TypeAlias = tuple[Term, ...]

TEST, TRAIN = 0, 1  # the instances ξ̃ and ξ


def sigma2(parameter: int, transposed: bool = False) -> Atom:
    """σ², the forward variance of a parameter, used as it is or transposed."""
    return ("sigma2", parameter, int(transposed))


def kappa(parameter: int, transposed: bool = False) -> Atom:
    """κ, how strongly training moves a parameter, used as it is or transposed."""
    return ("kappa", parameter, int(transposed))


def gram(program: Program, a: int, b: int) -> Atom:
    """ξ̃ᵀξ/d of the input parts that two embeddings read."""
    return ("gram", *program.nodes[a].data[1:], *program.nodes[b].data[1:])


def moment2(x: int, y: int) -> Atom:
    """E[Z^x̃ Z^y]."""
    return ("moment2", x, y)


def slope(x: int, a: Ref, y: int, b: Ref) -> Atom:
    """E[∂_a Z^x̃ · ∂_b Z^y]."""
    return ("slope", x, a, y, b)


def slope1(instance: int, x: int, a: Ref) -> Atom:
    """E[∂_a Z^x] at one instance."""
    return ("slope1", instance, x, a)


def response(instance: int, x: int, base: Ref) -> Atom:
    """E[∂Z^x/∂Ẑ], Z^x unwound to its base Gaussians (Remark B.5)."""
    return ("response", instance, x, base)


def coefficient(program: Program, instance: int, node: int) -> Atom:
    """The value of a constant, or of a scalar's limit θ̊ at one instance."""
    if program.kinds[node] is Kind.CONSTANT:
        return ("number", node)
    return ("scalar", instance, node)


def weight(atoms: Iterable[Atom]) -> Weight:
    """A product of atoms in its one order."""
    return tuple(sorted(atoms))  # one kind of atom has one signature


def term_key(term: Term) -> tuple[Weight, tuple[int, ...]]:
    """Terms are compared as sorted lists."""
    return term[0], term[1] or ()


def sorted_terms(terms: Iterable[Term]) -> Terms:
    """A sum of terms in its one order."""
    return tuple(sorted(terms, key=term_key))
