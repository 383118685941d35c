"""What a document states is true as it stands there, and nothing is named before it is defined."""

from __future__ import annotations

import re

import pytest

from tests.documents.derivation.test_document import blocks_of, section, shipped
from tests.documents.html.pages import NAMES
from tpproof.documents.blocks import Display
from tpproof.documents.derivation import document
from tpproof.documents.derivation.audit import PARTS
from tpproof.documents.derivation.closed import ClosedForm
from tpproof.documents.derivation.dependencies import nodes
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.document import NOTATIONS, Length
from tpproof.documents.formula import to_text

PROVED = [name for name in NAMES if name != "attention_root"]
VECTORS = re.compile(r"\b[gx]\d+")


@pytest.mark.parametrize("name", ["mlp", "multi_output", "batch"])
def test_no_limit_is_stated_to_be_two_things(name: str) -> None:
    lines = [
        line
        for block in blocks_of(document(shipped(name)).sections)
        if isinstance(block, Display) and block.tag == "(122)"
        for line in block.lines
        if line.left is not None
    ]
    limits = [to_text(line.left) for line in lines if line.left is not None]
    whole = [left for left in limits if left.startswith("lim")]
    assert len(whole) == (2 if name == "mlp" else 1)  # the theorem's, and that of one output derived
    assert len(lines) == (2 if name == "mlp" else 5)


def test_with_several_outputs_the_loss_derivatives_and_the_weights_are_explained() -> None:
    said = section("multi_output", "program"), section("multi_output", "backward"), section("multi_output", "claim")
    assert "Every output p has a loss derivative of its own" in said[0]
    assert "the coefficient of the product of their weights" in said[1]
    assert "what the loss at output 1 adds to output 0" in said[2]
    assert "Every output p" not in section("mlp", "program")


@pytest.mark.parametrize("name", PROVED)
@pytest.mark.parametrize("notation", NOTATIONS)
def test_the_short_document_defines_the_vectors_of_its_kernel(name: str, notation: str) -> None:
    how: dict[str, object] = {"length": "theorem", "notation": notation}
    named = set(VECTORS.findall(section(name, "kernel", **how)))
    defined = set(VECTORS.findall(section(name, "theorem", **how)))
    assert named <= defined


def test_letters_of_variances_have_their_values() -> None:
    kernel = section("cnn1d", "kernel", length="theorem")
    formulas, values = kernel.split("Written as letters")
    used = set(re.findall(r"[σκ][a-zA-Z]\w*", formulas))
    assert {"σU_0", "σv3", "κv3"} <= used
    assert used <= set(re.findall(r"[σκ][a-zA-Z]\w*", values))
    assert "Written as letters" not in section("mlp", "kernel")


@pytest.mark.parametrize("name", PROVED)
def test_what_the_kernel_lists_no_covariance_of_is_independent(name: str) -> None:
    r = Reading(shipped(name), "yang")
    form = ClosedForm(r, r.names)
    listed = form.covariances.named
    pairs = {pair for atom in form.atoms for pair in form.covariances.over(atom)}
    unlisted = {pair for pair in pairs if pair not in listed and pair[::-1] not in listed}
    assert pairs
    assert not any(r.names.reduced.meets(*pair) for pair in unlisted)


def test_hats_are_numbered_where_their_vectors_stand() -> None:
    kernel = " ".join(section("tied", "kernel", notation="jacot").split())
    assert re.search(r"g0 \(1\) ?, g2 \(2\) ?, (\u011d|g\u0302)4 \(3\)", kernel)


def test_what_goes_through_a_contraction_rests_on_its_lemma() -> None:
    resting = {node.kind for node in nodes(shipped("tied"), PARTS) if "decontraction-lemma" in node.rests}
    assert {"contract", "change-linear", "backprop", "limit", "theorem"} <= resting
    assert not {"path-linear", "update-initial", "update-gvar"} & resting


@pytest.mark.parametrize("name", ["mlp", "tied"])
def test_only_where_the_path_sum_is_the_kernel_is_a_formula_numbered_as_it(name: str) -> None:
    tags = {b.tag for b in blocks_of(document(shipped(name), length="audit").sections) if isinstance(b, Display)}
    assert ("(96)" in tags) is (name == "mlp")
    assert "(100)" in tags


@pytest.mark.parametrize("length", ["theorem", "derivation"])
def test_a_refused_network_leaves_neither_a_theorem_nor_axioms_to_read(length: Length) -> None:
    left = section("attention_root", "reading", length=length)
    assert "marked violated" in left
    assert "axioms" not in left
    assert "theorem" not in left
