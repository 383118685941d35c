"""Path pairs are marked where they run, p and q told apart without colour too."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from itertools import pairwise
from pathlib import Path

import pytest

from tests.documents.diagrams.reading import words
from tpproof.documents.diagrams import Pair, draw, pairs, svg, tikz
from tpproof.documents.diagrams.overlay import Way, overlay
from tpproof.language.source import load
from tpproof.paths.listing import listed
from tpproof.program.canonical import from_json
from tpproof.program.model import Program

CERTIFICATES = Path(__file__).parents[3] / "certificates"


def certified(name: str) -> tuple[Program, tuple[Pair, ...]]:
    data = json.loads((CERTIFICATES / f"{name}.cert.json").read_bytes())
    return from_json(data["network"]), pairs(data)


def visited(way: Way) -> list[str]:
    """The symbols on a way, found from its edges alone."""
    links = {e.source: e.target for e in way.edges}
    at = next(iter(set(links) - set(links.values())), None)
    found = [at] if at is not None else []
    while at in links:
        at = links[at]
        found.append(at)
    return [key for key in found if key is not None]


@pytest.mark.parametrize("name", ["mlp", "rnn", "resmlp", "layernorm", "cnn1d"])
def test_a_way_goes_through_its_path_s_variables_in_order(name: str) -> None:
    program, found = certified(name)
    drawing = draw(program)
    assert len(found) > 3
    for pair in found:
        marked = overlay(drawing, pair)
        for way, path in ((marked.p, pair.p), (marked.q, pair.q)):
            wanted = [str(v) for g in path for v in (*program.nodes[g].args, g)]
            on = visited(way)
            places = [on.index(key) for key in wanted] if len(wanted) > 1 else [0]
            assert places == sorted(places)
            assert (on[0], on[-1]) == (wanted[0], wanted[-1]) if len(wanted) > 1 else not on
            assert len(way.frames) == max(1, len(on))
            assert len(way.tags) == len(wanted)


def test_pairs_are_those_of_the_certificate_in_its_order() -> None:
    program, found = certified("rnn")
    assert [pair.index for pair in found] == list(range(len(found)))
    assert {(pair.p, pair.q) for pair in found} == {(x.p, x.q) for x in listed(program)}


def test_tags_count_the_path_from_its_beginning() -> None:
    program, found = certified("rnn")
    pair = next(x for x in found if len(x.p) == 2 and program.nodes[x.p[0]].op == "matmul")
    marked = overlay(draw(program), pair)
    assert [t.text for t in marked.p.tags] == ["p⁰", "p¹", "p²", "p³"]
    assert [t.text for t in marked.q.tags] == ["q⁰", "q¹", "q²", "q³"]
    start = next(x for x in found if program.nodes[x.p[0]].op != "matmul")
    assert overlay(draw(program), start).p.tags[0].text == "p¹"  # p⁰ is the input


def test_overlays_are_hidden_but_for_the_one_shown_and_differ_in_dashes() -> None:
    program, found = certified("rnn")
    drawn = svg(draw(program), found, shown=2)
    groups = [str(g.get("class")) for g in ET.fromstring(drawn).iter() if "pair" in str(g.get("class"))]
    assert groups == [f"pair pair-{k}{' shown' if k == 2 else ''}" for k in range(len(found))]
    assert ".pair { display: none; }" in drawn
    q_style = next(line for line in drawn.splitlines() if ".q .way" in line)
    assert "stroke-dasharray" in q_style
    assert "pair-" not in svg(draw(program))


def test_what_many_pairs_share_is_written_once() -> None:
    program, found = certified("cnn1d")
    root = ET.fromstring(svg(draw(program), found, prefix="a-"))
    ids = {str(e.get("id")) for e in root.iter() if e.tag.endswith(("path", "rect")) and e.get("id")}
    used = [str(e.get("href")).removeprefix("#") for e in root.iter() if e.tag.endswith("use")]
    assert set(used) == ids
    assert len(used) > 3 * len(ids)
    assert all(name.startswith("a-") for name in ids)


def test_two_different_paths_are_marked_apart() -> None:
    program, found = certified("rnn_average")
    pair = next(x for x in found if x.p != x.q and len(x.p) > 1)
    marked = overlay(draw(program), pair)
    assert set(marked.p.edges) != set(marked.q.edges)
    drawn = ET.fromstring(svg(draw(program), (pair,)))
    texts = [words(t) for t in drawn.iter() if "tag" in str(t.get("class"))]
    assert texts.count("p¹") == texts.count("q¹") == 1


def test_tikz_marks_the_pair_too() -> None:
    program, found = certified("mlp")
    drawn, plain = tikz(draw(program), found[0]), tikz(draw(program))
    assert r"\path[tppway]" in drawn or r"\path[tppframe]" in drawn
    assert r"\path[tpqframe]" in drawn
    assert r"\path[tppframe]" not in plain


def test_what_is_folded_is_stood_for_by_its_dots() -> None:
    program = load("zoo:rnn", {"T": "80"})
    path = tuple(k for k, node in enumerate(program.nodes) if node.op == "matmul")
    marked = overlay(draw(program), Pair(0, path, path))
    on = visited(marked.p)
    assert any(key.startswith("dots") for key in on)
    assert all((a, b) in {(e.source, e.target) for e in marked.p.edges} for a, b in pairwise(on))
