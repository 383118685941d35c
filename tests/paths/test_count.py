"""Counting pairs p ≅ q without listing them."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings

from tests.networks import recurrent
from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.limits import Limits
from tpproof.paths.count import count
from tpproof.paths.listing import listed, paths, symbols
from tpproof.program.model import Program


def brute_force(program: Program) -> int:
    """Enumerate every path, group by the sequence of matrices, square."""
    classes = Counter(symbols(program, path) for path in paths(program))
    return sum(size**2 for size in classes.values())


@settings(max_examples=40, deadline=None)
@given(programs(transposes=True, max_size=8))
def test_the_count_is_that_of_the_enumeration_for_random_programs(program: Program) -> None:
    if count(program) <= 20_000:
        assert count(program) == brute_force(program)


@pytest.mark.parametrize("depth", [1, 2, 5])
def test_densenet_has_the_paths_of_its_recursion(depth: int) -> None:
    """Below x_l: Σ_{k<l} (1 + what is below x_k) paths through matrices, and those that begin at U."""
    through, from_u = [0], [1]
    for layer in range(1, depth + 1):
        through.append(sum(1 + through[k] for k in range(layer)))
        from_u.append(sum(from_u))
    assert count(load("zoo:densenet", {"L": str(depth)})) == through[depth] + from_u[depth]


def test_a_count_beyond_every_listing_is_exact_and_listing_refuses() -> None:
    program = load("zoo:densenet", {"L": "64"})
    assert count(program) > 2**63
    with pytest.raises(TpproofError) as caught:
        listed(program)
    assert caught.value.code == "E104"


def test_the_limit_on_reads_is_kept() -> None:
    with pytest.raises(TpproofError):
        count(recurrent(6, every=True), Limits(pairs=10))
