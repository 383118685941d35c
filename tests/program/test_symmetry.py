"""Symmetries of programs: which are found, that they hold, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.networks import recurrent, residual
from tests.strategies import programs
from tpproof.language.source import load
from tpproof.limits import DEFAULT
from tpproof.program.automorphisms import symmetries
from tpproof.program.builder import Builder
from tpproof.program.model import Program
from tpproof.program.symmetry import NO_SYMMETRY, Orbits, Symmetry, exchange, parts_of


def part_orbit(found: tuple[Symmetry, ...], start: int = 0) -> set[int]:
    """The input parts that the symmetries make of one."""
    orbit, todo = {start}, [start]
    while todo:
        k = todo.pop()
        fresh = {s.inputs[k] for s in found} - orbit
        orbit |= fresh
        todo += fresh
    return orbit


def independent(twins: bool) -> Program:
    """Two inputs through two layers of their own, whose matrices have one learning rate or two."""
    b = Builder()
    u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
    xi = b.input("xi", 2)
    from fractions import Fraction

    w = [b.parameter("matrix", name, lr=Fraction(1 if twins else k + 1)) for k, name in enumerate("AB")]
    b.output([(v, b.add(*(b.matmul(w[k], False, b.call("tanh", b.embed(u, xi, k))) for k in range(2))))])
    return b.program("independent")


class TestFinding:
    def test_a_circular_convolution_is_the_same_at_every_position(self) -> None:
        found = symmetries(load("zoo:cnn1d", {"P": "6"}))
        assert part_orbit(found) == set(range(6))

    def test_an_image_can_be_shifted_in_both_directions(self) -> None:
        found = symmetries(load("zoo:cnn2d", {"rows": "4", "columns": "4"}))
        assert part_orbit(found) == set(range(16))

    def test_with_zero_padding_only_reflections_are_left(self) -> None:
        found = symmetries(load("zoo:cnn1d", {"P": "6", "padding": "same"}))
        assert part_orbit(found) == {0, 5}
        assert part_orbit(found, 2) == {2, 3}

    def test_a_graph_has_its_automorphisms(self) -> None:
        star = "[[0,1,1,1],[1,0,0,0],[1,0,0,0],[1,0,0,0]]"
        found = symmetries(load("zoo:gcn", {"A": star}))
        assert part_orbit(found) == {0}
        assert part_orbit(found, 1) == {1, 2, 3}

    def test_tokens_are_exchanged_with_their_position_embeddings(self) -> None:
        found = symmetries(load("zoo:transformer", {"T": "4"}))
        assert part_orbit(found) == set(range(4))

    def test_time_has_a_direction(self) -> None:
        assert symmetries(recurrent(4)) == (exchange(recurrent(4)),)

    def test_parameters_that_differ_in_more_than_their_names_stay(self) -> None:
        assert part_orbit(symmetries(independent(twins=True))) == {0, 1}
        assert symmetries(independent(twins=False)) == (exchange(independent(twins=False)),)

    def test_beyond_the_limit_fewer_are_found_and_those_hold(self) -> None:
        program = load("zoo:batch", {"B": "6"})
        few = symmetries(program, replace(DEFAULT, symmetry_searches=2))
        assert 1 < len(few) < len(symmetries(program))
        assert all(s.holds(program) for s in few)


    def test_the_search_has_a_budget(self) -> None:
        program = load("zoo:batch", {"B": "30"})
        found = symmetries(program, replace(DEFAULT, symmetry_work=100_000))
        assert found[0] == exchange(program)
        assert len(found) < len(symmetries(program))


@pytest.mark.parametrize("name", ["attention", "batchnorm", "cnn1d", "gcn", "tied_autoencoder", "siamese"])
def test_every_symmetry_found_holds(name: str) -> None:
    program = load(f"zoo:{name}")
    assert all(s.holds(program) for s in symmetries(program))


@settings(max_examples=60, deadline=None)
@given(programs())
def test_every_symmetry_of_a_random_program_holds(program: Program) -> None:
    assert all(s.holds(program) for s in symmetries(program))


def test_what_changes_the_program_does_not_hold() -> None:
    program = residual(2)
    still = exchange(program)
    assert still.holds(program)
    for key in ("nodes", "parameters"):
        moved = list(getattr(still, key))
        moved[0], moved[1] = moved[1], moved[0]
        assert not replace(still, **{key: tuple(moved)}).holds(program)
    two = independent(twins=True)
    assert not replace(exchange(two), inputs=(1, 0)).holds(two)
    assert not replace(exchange(two), parameters=(0, 1, 3, 2)).holds(two)


class TestOrbits:
    def test_without_symmetries_every_pair_stands_for_itself(self) -> None:
        assert NO_SYMMETRY.representative((5, 2)) == (5, 2)
        assert list(NO_SYMMETRY.images((5, 2))) == [((5, 2), ())]

    def test_the_exchange_takes_a_pair_to_its_mirror_image(self) -> None:
        orbits = Orbits((exchange(residual(2)),))
        assert orbits.representative((3, 1)) == (1, 3)
        assert orbits.stands((1, 3))
        assert not orbits.stands((3, 1))

    def test_atoms_are_renamed_with_their_vectors(self) -> None:
        mirror = exchange(recurrent(4))
        assert mirror.atom(("slope", 4, 1, 6, 2)) == ("slope", 6, 2, 4, 1)
        assert mirror.atom(("slope1", 0, 4, 1)) == ("slope1", 1, 4, 1)
        assert mirror.atom(("gram", 0, 1, 0, 3)) == ("gram", 0, 3, 0, 1)
        assert mirror.atom(("kappa", 2, 1)) == ("kappa", 2, 1)
        moving = next(s for s in symmetries(load("zoo:cnn1d")) if s.inputs[0] != 0)
        assert moving.atom(("gram", 0, 0, 0, 3)) == ("gram", 0, moving.inputs[0], 0, moving.inputs[3])
        assert moving.atom(("response", 1, 5, ~3)) == ("response", 1, moving.nodes[5], ~moving.nodes[3])

    @given(st.data())
    @settings(max_examples=30, deadline=None)
    def test_orbits_are_a_partition(self, data: st.DataObject) -> None:
        program = load("zoo:cnn1d")
        orbits = Orbits(symmetries(program))
        vectors = st.integers(0, len(program.nodes) - 1)
        pair = (data.draw(vectors), data.draw(vectors))
        orbit = [image for image, _ in orbits.images(pair)]
        assert len(set(orbit)) == len(orbit)
        assert {orbits.representative(image) for image in orbit} == {min(orbit)}
        assert len(parts_of(program)) == 4
