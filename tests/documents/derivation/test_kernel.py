"""The printed kernel is the kernel: evaluated from the formulas alone, it agrees with `kernel_fn`."""

from __future__ import annotations

from dataclasses import fields, replace
from fractions import Fraction
from typing import Any
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tpproof as tp
from tests.documents.derivation.evaluation import Inputs, Printed, terms_of, unfolded
from tests.strategies import programs
from tpproof.certificate.write import certificate_of
from tpproof.documents.blocks import Display, Section
from tpproof.documents.derivation import document
from tpproof.documents.derivation.closed import ClosedForm
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import (
    BigSum,
    Call,
    Formula,
    Name,
    Number,
    Power,
    Product,
    Sum,
    letter,
    to_text,
    total,
)
from tpproof.documents.vocabulary import Vocabulary
from tpproof.program.constants import to_float
from tpproof.program.model import Program
from tpproof.proof.prove import prove

Data = dict[str, Any]


def section_of(data: Data, notation: Any = "yang") -> Section:
    return next(s for s in document(data, length="theorem", notation=notation).sections if s.label == "kernel")


def laws_of(data: Data) -> dict[Formula, float]:
    """What σ² and κ of each parameter are, by how they are written."""
    names = Names(Vocabulary(data))
    found: dict[Formula, float] = {}
    for p in range(len(names.program.parameters)):
        for t in (0, 1):
            for symbol, kind in (("σ", "sigma2"), ("κ", "kappa")):
                found[names.law(symbol, p, t)] = to_float(names.law_value(kind, p, t))
    return found


def inputs_of(program: Any, seed: int) -> tuple[Any, dict[str, dict[str, Any]]]:
    """Two samples as `kernel_fn` takes them, and by the names of their parts."""
    rng = np.random.default_rng(seed)
    arrays = {
        i.name: 0.7 * rng.standard_normal((2, *((i.count,) if i.count is not None else ()), 3)) for i in program.inputs
    }
    by_name: dict[str, dict[str, Any]] = {"first": {}, "second": {}}
    for i in program.inputs:
        for sample, parts in zip(by_name, arrays[i.name], strict=True):
            for part, row in enumerate(parts if i.count is not None else [parts]):
                by_name[sample][letter(i.name) + (str(part) if i.count is not None else "")] = row
    return (arrays if len(arrays) > 1 else next(iter(arrays.values()))), by_name


CASES: list[tuple[str, dict[str, Any]]] = [
    ("mlp1", {}), ("mlp2", {}), ("mlp", {}), ("mlp", {"L": 5, "std_w": "3/2", "std_b": "1/5", "lr_b": 2}),
    ("mlp", {"lr_u": 0, "std_c": "1/3"}), ("square", {}), ("twice", {}), ("bottleneck", {}), ("densenet", {}),
    ("resmlp", {}), ("resmlp", {"L": 4, "shared": True, "std_w": "1/2"}), ("resnet", {}), ("deq", {}), ("rnn", {}),
    ("rnn", {"T": 4, "read": "average", "std_b": "1/2"}), ("rnn", {"read": "every", "lr_w": 2}), ("rnn_lengths", {}),
    ("stacked_rnn", {}), ("multi_output", {}), ("gcn", {}), ("gcn_pool", {}), ("cnn1d", {}),
    ("rescnn", {}), ("batch", {}), ("tied", {}), ("attention", {}),
]  # fmt: skip


def network(name: str, constants: dict[str, Any]) -> Any:
    text = tp.load(f"zoo:{name}")
    phi = {"phi": "sin"} if all(f != "phi" for f, _ in text.program.functions) and name not in ("square",) else {}
    return tp.load(f"zoo:{name}", {**phi, **constants})


def compare(net: Any, data: Data, section: Section, seed: int = 0) -> float:
    """The largest difference between the printed kernel and `kernel_fn`, relative to the diagonal."""
    arrays, by_name = inputs_of(net.program, seed)
    functions = {f: "sin" for f, _ in net.program.functions}
    known = np.asarray(tp.kernel_fn(net, functions, backend="numpy")(arrays).ntk)
    printed = Printed(section, by_name, laws_of(data))
    samples, worst = list(by_name), 0.0
    outputs = len(net.program.outputs)
    for o in range(min(outputs, 2)):
        for p in range(min(outputs, 2)):
            for i, j in ((0, 0), (0, 1), (1, 0)):
                found = printed.kernel(Inputs(samples[i], samples[j]), f"{o}{p}" if outputs > 1 else "")
                expected = known[i, j] if outputs == 1 else known[i, j, o, p]
                worst = max(worst, abs(found - expected) / max(1.0, float(np.max(np.abs(known)))))
    return worst


@pytest.mark.parametrize(("name", "constants"), CASES, ids=lambda c: c if isinstance(c, str) else str(c))
def test_the_printed_kernel_is_that_of_kernel_fn(name: str, constants: dict[str, Any]) -> None:
    net = network(name, constants)
    data = tp.prove(net).data
    assert compare(net, data, section_of(data)) < 1e-8


def test_four_variables_at_once_agree_as_far_as_samples_do() -> None:
    net = network("siamese", {})
    data = tp.prove(net).data
    assert compare(net, data, section_of(data)) < 1e-3


@pytest.mark.parametrize("label", ["covariances", "recursion", "kernel-formula"])
def test_a_term_that_is_dropped_is_seen(label: str) -> None:
    net = network("mlp", {})
    data = tp.prove(net).data
    section = section_of(data)
    assert compare(net, data, section) < 1e-8
    assert compare(net, data, dropped(section, label)) > 1e-3


def dropped(section: Section, label: str) -> Section:
    """The section with the last term of the first sum in a display left out."""
    blocks = [shorter(b) if isinstance(b, Display) and b.label == label else b for b in section.blocks]
    return replace(section, blocks=tuple(blocks))


def shorter(display: Display) -> Display:
    k, line = next((k, line) for k, line in enumerate(display.lines) if isinstance(line.right, Sum))
    assert isinstance(line.right, Sum)
    line = replace(line, right=Sum(line.right.terms[:-1]))
    return replace(display, lines=(*display.lines[:k], line, *display.lines[k + 1 :]))


@pytest.mark.parametrize(("name", "constants"), CASES, ids=lambda c: c if isinstance(c, str) else str(c))
def test_the_notations_differ_in_letters_only(name: str, constants: dict[str, Any]) -> None:
    data = tp.prove(network(name, constants)).data
    yang = lines_of(section_of(data))
    for notation in ("jacot", "lee"):
        other = lines_of(section_of(data, notation))
        renamed: dict[Any, Any] = {}
        for (left, _), (mine, _) in zip(other, yang, strict=True):
            assert renamed.setdefault(left, mine) == mine
        assert len(set(renamed.values())) == len(renamed)
        mine_too = [(left, substituted(right, {})) for left, right in yang]
        assert [(renamed[left], substituted(right, renamed)) for left, right in other] == mine_too


def lines_of(section: Section) -> list[tuple[Any, Any]]:
    """Every line, those that are folded unfolded."""
    displays = [b for b in section.blocks if isinstance(b, Display)]
    return [pair for d in displays for line in d.lines for pair in unfolded(line)]


def substituted(value: Any, renamed: dict[Any, Any]) -> Any:
    if isinstance(value, tuple):
        return tuple(substituted(part, renamed) for part in value)
    if isinstance(value, BigSum):
        return total([substituted(term, renamed) for term in terms_of(value)])
    if hasattr(value, "__dataclass_fields__"):
        if value in renamed:
            return renamed[value]
        return replace(value, **{f.name: substituted(getattr(value, f.name), renamed) for f in fields(value)})
    return value


@settings(max_examples=40, deadline=None)
@given(programs(transposes=True, max_size=8), st.integers(0, 10**6))
def test_the_recursion_of_any_proof_is_the_sum_of_its_steps(program: Program, seed: int) -> None:
    data = certificate_of(prove(program)).data
    r = Reading(data, "yang")
    form = ClosedForm(r, r.names)
    skipped = ("where",)
    blocks = [b for b in section_of(data).blocks if isinstance(b, Display) and b.label not in skipped]
    lines = {left: right for b in blocks for line in b.lines for left, right in unfolded(line)}
    laws = laws_of(data)

    def printed(f: Formula) -> float:
        match f:
            case Number():
                return float(Fraction(f.text))
            case Sum():
                assert not f.omitted
                return sum(map(printed, f.terms))
            case BigSum():
                return sum(map(printed, terms_of(f)))
            case Product():
                return float(np.prod([printed(t) for t in f.factors]))
            case Power() if f.exponent.isdigit():
                return printed(f.base) ** int(f.exponent)
        if f in lines:
            return printed(lines[f])
        return laws[f] if f in laws else float(crc32(f"{seed} {to_text(f)}".encode()) % 97 + 1) / 50

    def atom(k: int) -> float:
        if k in r.names.unit or k in r.names.zero:
            return float(k in r.names.unit)
        found = tuple(data["atoms"][k])
        return 0.0 if form.covariances.vanishes(found) else printed(form.factors(r.names, [found])[0])

    def stated(k: int) -> float:
        return sum(
            float(np.prod([atom(a) for a in atoms])) * (stated(ref) if ref >= 0 else 1)
            for atoms, ref in r.steps[k]["conclusion"][3]
        )

    for step in r.of("K96"):
        o, p = step["conclusion"][1:3]
        name = Name("K", f"{o}{p}" if r.outputs > 1 else "")
        found = printed(lines[Call(name, (Name("ξ", tilde=True), Name("ξ")))])
        assert found == pytest.approx(stated(step["id"]), rel=1e-9, abs=1e-9)
