"""Sums of products of atoms written out, where they are small enough to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from tpproof.errors import TpproofError
from tpproof.program.atoms import Atom, Pair, Terms, Weight, weight

Polynomial = dict[Weight, int]
"""Product of atoms → how often it occurs."""


def collect(weights: Iterable[Weight]) -> Polynomial:
    """A list of products as a polynomial."""
    found: Polynomial = {}
    for w in weights:
        found[w] = found.get(w, 0) + 1
    return found


def expand(sums: Mapping[Pair, Terms], pair: Pair, limit: int) -> Polynomial:
    """A path sum written out from its recursion. Raises E104 beyond `limit` products."""
    done: dict[Pair, Polynomial] = {}
    stack = [pair]
    while stack:
        top = stack[-1]
        missing = [ref for _, ref in sums[top] if ref is not None and ref not in done]
        if missing:
            stack.extend(missing)
            continue
        stack.pop()
        if top not in done:
            done[top] = _combine(sums[top], done, limit)
    return done[pair]


def _combine(terms: Terms, done: Mapping[Pair, Polynomial], limit: int) -> Polynomial:
    total: Polynomial = {}
    for factor, ref in terms:
        for w, times in (done[ref] if ref is not None else {(): 1}).items():
            product = weight([*factor, *w])
            total[product] = total.get(product, 0) + times
            if len(total) > limit:
                raise TpproofError("E104", f"more than {limit} products", "the recursive form")
    return total


def value(terms: Terms, known: Mapping[Pair, Fraction]) -> Fraction:
    """A sum at made-up values of the atoms: a witness that two sums differ."""
    total = Fraction(0)
    for factor, ref in terms:
        product = known[ref] if ref is not None else Fraction(1)
        for atom in factor:
            product *= sample(atom)
        total += product
    return total


def sample(atom: Atom) -> Fraction:
    """A made-up value of an atom, the same in every run."""
    code = 7
    for part in atom:
        for character in str(part):
            code = (code * 31 + ord(character)) % 9973
    return Fraction(code % 89 + 1, code % 13 + 2)
