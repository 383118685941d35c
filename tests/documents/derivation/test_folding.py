"""What is written once stands for exactly the lines that it replaces."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import tpproof as tp
from tests.documents.derivation.evaluation import indices_in, unfolded
from tpproof.documents.blocks import Inlines, Line, Ref
from tpproof.documents.derivation.folding import fold, steps_text
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import quantity_line
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.derivation.repetition import repetition
from tpproof.documents.formula import to_text

NETWORKS: list[tuple[str, dict[str, Any]]] = [
    ("mlp", {"L": 5}), ("resmlp", {"L": 4}), ("rnn", {"T": 4}), ("rnn", {"T": 4, "read": "average"}),
    ("stacked_rnn", {"T": 4}), ("gru", {"T": 4}), ("deq", {}), ("rnn_lengths", {}), ("cnn1d", {}),
]  # fmt: skip
IDS = [f"{name}-{'-'.join(map(str, constants.values()))}" for name, constants in NETWORKS]


def reading_of(name: str, constants: dict[str, Any]) -> Reading:
    return Reading(tp.prove(tp.load(f"zoo:{name}", constants)).data, "yang")


def folded(r: Reading, kind: str) -> list[Line]:
    return fold([quantity_line(r.names, step) for step in r.of(kind)], r.names)


@pytest.mark.parametrize("kind", ["C", "J", "D"])
@pytest.mark.parametrize(("name", "constants"), NETWORKS, ids=IDS)
def test_folded_lines_stand_for_exactly_the_lines_of_the_steps(
    name: str, constants: dict[str, Any], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tpproof.documents.derivation.sums.FEWEST", 10**9)
    r = reading_of(name, constants)
    one_by_one = {step["id"]: quantity_line(r.names, step).write(r.names) for step in r.of(kind)}
    found = folded(r, kind)
    assert sorted(k for line in found for k in line.steps) == sorted(one_by_one)
    for line in found:
        meant = [(left, right) for k in line.steps for left, _, right in [one_by_one[k]]]
        said = list(unfolded(line))
        assert len(meant) == len(said)
        assert set(map(repr, meant)) == set(map(repr, said))


def plain(parts: Inlines) -> str:
    texts = (p.text if isinstance(p, Ref) else p if isinstance(p, str) else to_text(p) for p in parts)  # type: ignore[arg-type]
    return "".join(texts)


@pytest.mark.parametrize(("name", "constants"), NETWORKS, ids=IDS)
def test_the_words_beside_a_line_are_the_indices_and_steps_that_it_stands_for(
    name: str, constants: dict[str, Any]
) -> None:
    r = reading_of(name, constants)
    for line in folded(r, "C"):
        if line.instances:
            words, steps = re.search(r"for (.*?) \((steps .*)\)$", plain(line.note)).groups()  # type: ignore[union-attr]
            names, values = indices_in(words)
            assert (tuple(names), sorted(values)) == (line.indices, sorted(line.instances))
            assert steps == plain(steps_text(line.steps))
        else:
            assert len(line.steps) == 1


def test_an_mlp_of_any_depth_is_as_long() -> None:
    for depth in (4, 40):
        r = reading_of("mlp", {"L": depth})
        texts = [to_text(line.right) for line in folded(r, "C")]
        assert len(texts) == 6
        assert "E[tanh(z~^{l−1})·tanh(z^{l−1})] + C(x~^{l−1}, x^{l−1})" in texts


LAYERS = """
xi = input("xi")
U = embedding("U")
v = readout("v")
x = tanh(U @ xi)
for l in range(1, 7):
    x = {phi}(matrix(f"W{{l}}", std={std}) @ x)
output(v @ x)
"""


def network_of(tmp_path: Path, phi: str, std: str) -> Any:
    path = tmp_path / "net.tp"
    path.write_text(LAYERS.format(phi=phi, std=std))
    return tp.load(str(path))


@pytest.mark.parametrize(("phi", "std"), [("tanh", "2 if l == 4 else 1"), ("(sin if l == 4 else tanh)", "1")])
def test_a_layer_with_another_law_or_function_is_not_folded(tmp_path: Path, phi: str, std: str) -> None:
    equal = network_of(tmp_path, "tanh", "1")
    assert Reading(tp.prove(equal).data, "yang").names.repetition is not None
    other = network_of(tmp_path, phi, std)
    r = Reading(tp.prove(other).data, "yang")
    odd = next(k for k,
    n in enumerate(r.program.nodes) if n.op == "matmul" and r.program.parameters[n.data[0]].name == "W4")
    lines = folded(r, "C")
    of_odd = [line for line in lines for k in line.steps if r.steps[k]["conclusion"][1] in (odd, odd + 1)]
    if "sin" in phi:
        of_odd = [line for line in of_odd if any(r.steps[k]["conclusion"][1] == odd + 1 for k in line.steps)]
    assert of_odd
    assert all(len(line.steps) == 1 for line in of_odd)


def test_what_repeats_is_named_by_its_own_numbers() -> None:
    names: Names = reading_of("mlp", {"L": 4}).names
    program = names.program
    for k, node in enumerate(program.nodes):
        if node.op == "matmul":
            number = program.parameters[node.data[0]].name.removeprefix("W")
            assert to_text(names.vector(k)) == f"h^{number}"


def test_two_repetitions_are_the_least() -> None:
    assert repetition(tp.load("zoo:mlp", {"L": 2}).program) is None
    assert repetition(tp.load("zoo:mlp2").program) is None
    found = repetition(tp.load("zoo:mlp", {"L": 3}).program)
    assert found is not None
    assert (found.first, found.last, found.period) == (1, 2, 4)
