"""Emitted modules need no tpproof and give the proved kernel's numbers."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from tests.numerics.emit.emitted import Array, Case, Reference, built, case, data, parts, reference, run
from tpproof import zoo
from tpproof.errors import TpproofError
from tpproof.numerics import emit
from tpproof.numerics.emit import emit_numpy, plain
from tpproof.numerics.expectations.evaluate import Pairs, own_numbers
from tpproof.numerics.reduction.compile import compiled
from tpproof.numerics.reduction.monomials import NotReducible
from tpproof.program.builder import Builder
from tpproof.program.model import Program
from tpproof.proof.prove import prove

TOLERANCE = 1e-10
HALF = Fraction(1, 2)


READ_OWN = ("layernorm", "rmsnorm")
"""Networks with functions that read numbers of their input, as of x divided by its spread: no text is made of them."""


def compiles(one: Case) -> bool:
    """Whether the network has a plan that can be written."""
    try:
        return bool(one.plan.pair) and one.name not in READ_OWN
    except (NotReducible, TpproofError):
        return False


SMALL = {"cnn2d": {"rows": 2, "columns": 2}, "cnn2d_flatten": {"rows": 2, "columns": 2}}


def with_fast_functions(name: str) -> Case:
    """The network with erf, whose expectations are closed forms, where its text lets us choose."""
    chosen = {"phi": "erf"} if re.search(r"^phi\s*=", zoo.text(name), re.MULTILINE) else {}
    return case(name, **chosen, **SMALL.get(name, {}))


OPTIONS = [
    *(case("mlp", phi=phi) for phi in ("relu", "gelu", "sin", "cos", "abs", "leaky_relu")),
    case("mlp", L=2),
    case("mlp", phi="relu", L=10),
    case("mlp", phi="erf", L=10),
    case("mlp1", phi="silu"),
    case("cnn1d", phi="relu", P=3, L=3),
    case("cnn1d", phi="erf", P=2, read="pool"),
    case("resmlp", phi="relu", L=6),
    case("resnet", phi="leaky_relu", L=4),
    case("rnn", phi="gelu", T=4),
    case("tied", phi="relu"),
    case("multi_output", phi="relu"),
]


@pytest.mark.parametrize("name", READ_OWN)
def test_functions_with_numbers_of_their_input_are_refused(name: str) -> None:
    one = case(name)
    with pytest.raises(TpproofError) as refused:
        emit_numpy(one.plan, name, "0" * 64, inputs=one.program.inputs)
    assert refused.value.code == "E141" and "reads other numbers" in str(refused.value)


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """Every network of the zoo that has a plan, and options."""
    return {str(one): one for one in (*map(with_fast_functions, zoo.names()), *OPTIONS) if compiles(one)}


@pytest.fixture(scope="module")
def numbers(cases: dict[str, Case], tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Array, Array]]:
    """What the modules return, all run in one process."""
    folder = tmp_path_factory.mktemp("emitted")
    return run(folder, {name: (one.program, one.text) for name, one in cases.items()})


def deviation(found: Array, expected: Reference) -> float:
    """The largest difference relative to √(K_ii K_jj)."""
    size = np.where(expected.size > 0, expected.size, 1.0)
    return float(np.max(np.abs(found - expected.value) / size))


def test_most_of_the_zoo_is_here(cases: dict[str, Case]) -> None:
    assert len({one.name for one in cases.values()}) > 25


def test_modules_give_the_numbers_of_the_package(
    cases: dict[str, Case], numbers: dict[str, tuple[Array, Array]]
) -> None:
    found = {name: deviation(numbers[name][1], reference(one, True)) for name, one in cases.items()}
    assert {name: error for name, error in found.items() if not error < TOLERANCE} == {}


def test_and_so_of_inputs_with_themselves(cases: dict[str, Case], numbers: dict[str, tuple[Array, Array]]) -> None:
    chosen = {name: one for name, one in cases.items() if len(one.plan.pair) < 100}
    found = {name: deviation(numbers[name][0], reference(one, False)) for name, one in chosen.items()}
    assert {name: error for name, error in found.items() if not error < TOLERANCE} == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in zoo.names() if str(with_fast_functions(name)) != name])
def test_and_so_with_the_zoos_own_functions(name: str, tmp_path: Path) -> None:
    one = case(name, **SMALL.get(name, {}))
    if not compiles(one):
        pytest.skip("it has no plan")
    _, both = run(tmp_path, {name: (one.program, one.text)})[name]
    assert deviation(both, reference(one, True)) < TOLERANCE


def test_a_network_whose_excess_is_a_difference_agrees_within_the_errors_that_are_reported(tmp_path: Path) -> None:
    one = case("transformer", phi="relu")
    alone, _ = run(tmp_path, {"transformer": (one.program, one.text)})["transformer"]
    left, _ = data(one.program)
    own = own_numbers(one.plan, parts(one.program, left), {})
    rows, cols = (i.ravel() for i in np.indices((5, 5)))
    slot = one.plan.kernels["ntk"][0][0]
    assert slot is not None
    values, errors = Pairs(own, own, rows, cols).numbers([slot])
    assert np.all(np.abs(alone[0].ravel() - values[slot]) <= errors[slot])


def test_near_duplicates_of_relu_networks_are_as_accurate_as_the_rest(
    cases: dict[str, Case], numbers: dict[str, tuple[Array, Array]]
) -> None:
    name = "mlp-phi=relu-L=10"
    for found, second in zip(numbers[name], (False, True), strict=True):
        assert deviation(found, reference(cases[name], second)) < 1e-14


def test_kernels_of_inputs_with_themselves_are_symmetric(numbers: dict[str, tuple[Array, Array]]) -> None:
    for alone, _ in numbers.values():
        flipped = alone.swapaxes(-1, -2) if alone.ndim == 3 else alone.transpose(0, 2, 1, 4, 3)
        np.testing.assert_allclose(alone, flipped, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("network", "written", "changed"),
    [
        (case("mlp", phi="relu"), "0.5 * q", "0.500001 * q"),
        (case("mlp", phi="erf"), "2 / np.pi * np.arctan2", "2.000001 / np.pi * np.arctan2"),
        (case("mlp", phi="erf"), "range(2)", "range(1)"),
        (case("rnn", phi="erf"), "ntk = ", "ntk = 1e-9 + "),
    ],
)
def test_a_changed_number_is_noticed(network: Case, written: str, changed: str, tmp_path: Path) -> None:
    assert written in network.text
    text = network.text.replace(written, changed, 1)
    alone, _ = run(tmp_path, {"changed": (network.program, text)})["changed"]
    assert deviation(alone, reference(network, False)) > TOLERANCE


def stack(name: str, layers: Sequence[str], skip: bool = False, bias: bool = True) -> Program:
    """Layers of the given functions, with skip connections or without."""
    b = Builder()
    x = b.embed(b.parameter("embedding", "U"), b.input("xi"))
    for i, phi in enumerate(layers):
        h = b.matmul(b.parameter("matrix", f"W{i}", std=Fraction(4, 3)), False, b.call(phi, x))
        h = b.add(h, b.bias(b.parameter("bias", f"b{i}", std=HALF))) if bias else h
        x = b.add(x, h) if skip else h
    b.output([(b.parameter("readout", "v"), b.call(layers[-1], x))])
    return b.program(name)


STACKS = {
    "alternating": (["relu", "erf"] * 3, False, True, 1),
    "two stacks": (["relu"] * 4 + ["erf"] * 4, False, True, 2),
    "three by three": (["erf", "erf", "sin"] * 3, False, True, 1),
    "skips": (["erf", "sin"] * 3, True, True, 1),
    "no bias": (["relu"] * 5, False, False, 1),
    "skips without bias": (["abs"] * 5, True, False, 1),
    "all different": (["relu", "erf", "sin", "abs"], False, True, 0),
}


def test_repeated_layers_are_loops_with_the_right_numbers(tmp_path: Path) -> None:
    made = {name: built(stack(name, *STACKS[name][:3])) for name in STACKS}
    for name, one in made.items():
        assert one.text.count("for _ in range(") >= STACKS[name][3], name
    numbers = run(tmp_path, {name: (one.program, one.text) for name, one in made.items()})
    for name, (alone, both) in numbers.items():
        assert deviation(alone, reference(made[name], False)) < TOLERANCE, name
        assert deviation(both, reference(made[name], True)) < TOLERANCE, name


@pytest.mark.parametrize("phi", ["tanh", "sigmoid", "softplus", "silu", "gelu"])
def test_variances_from_a_tenth_to_ten(phi: str, tmp_path: Path) -> None:
    b = Builder()
    x = b.embed(b.parameter("embedding", "U"), b.input("xi"))
    b.output([(b.parameter("readout", "v"), b.call(phi, x))])
    one = built(b.program(f"{phi}-wide"))
    variances = np.square(data(one.program)[0][0]).mean(axis=-1)
    assert variances.min() < 0.2 and variances.max() > 9
    alone, _ = run(tmp_path, {"wide": (one.program, one.text)})["wide"]
    assert deviation(alone, reference(one, False)) < TOLERANCE


@pytest.mark.parametrize("phi", ["relu", "erf", "tanh", "abs"])
def test_inputs_that_are_zero(phi: str, tmp_path: Path) -> None:
    one = case("mlp1", phi=phi)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np, emitted; "
        "k = emitted.kernel(np.array([[0.0, 0.0], [1.0, 2.0]])); assert np.isfinite(k).all(); assert k[0][0, 0] == 0"
    )
    (tmp_path / "emitted.py").write_text(one.text)
    command = [sys.executable, "-I", "-W", "error", "-c", script, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


# the text -------------------------------------------------------------------------------------------------


def test_texts_are_narrow_and_need_numpy_only(cases: dict[str, Case]) -> None:
    for name, one in cases.items():
        assert one.text.isascii()
        assert max(map(len, one.text.splitlines())) <= 100, name
        tree = ast.parse(one.text)
        imports = [ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        assert imports == ["import numpy as np"]


def test_a_text_does_not_depend_on_the_process(cases: dict[str, Case]) -> None:
    script = "from tests.numerics.emit.emitted import case; print(case('cnn1d', phi='relu', P=3, L=3).text, end='')"
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, env=environment)
    assert done.stdout == cases["cnn1d-phi=relu-P=3-L=3"].text


@pytest.mark.parametrize("phi", ["relu", "tanh", "erf", "gelu"])
def test_fifty_layers_are_a_loop(phi: str) -> None:
    text = case("mlp", phi=phi, L=50).text
    assert text.count("\n") < 120
    assert "for _ in range(49):" in text


def test_a_loop_stands_where_the_numbers_were_compared(cases: dict[str, Case]) -> None:
    for name in ("mlp-phi=relu-L=10", "resmlp-phi=relu-L=6", "mlp-phi=erf-L=10"):
        assert "for _ in range(" in cases[name].text


def test_ruff_has_nothing_to_say(cases: dict[str, Case], tmp_path: Path) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    for name, one in cases.items():
        (tmp_path / f"{name}.py").write_text(one.text)
    command = [ruff, "check", "--isolated", "--no-cache", "--line-length", "100", str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_docstring_names_the_network_and_the_certificate() -> None:
    one = case("mlp")
    text = emit_numpy(one.plan, "mlp", "a" * 64, "b" * 64, inputs=one.program.inputs)
    said = ast.get_docstring(ast.parse(text)) or ""
    hashes = f"sha256 {'a' * 64}", f"certificate  sha256 {'b' * 64}"
    for part in ("network mlp,", *hashes, "tpproof check", "(96)", "(100)"):
        assert part in said


HOSTILE = [
    '""" + __import__("os").system("touch broken") + """',
    "\\",
    "a\\",
    "x\nimport os",
    "x\r\n\u2028y",
    "\u202eevil\u2066",
    '"' * 300,
    "{0.__class__}%s",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_a_harmless_word(name: str, tmp_path: Path) -> None:
    one = case("mlp", phi="erf")
    text = emit_numpy(one.plan, name, "0" * 64, inputs=one.program.inputs)
    honest = emit_numpy(one.plan, "mlp", "0" * 64, inputs=one.program.inputs)
    assert text.isascii()
    first, second = ast.parse(text), ast.parse(honest)
    assert [ast.dump(node) for node in first.body[1:]] == [ast.dump(node) for node in second.body[1:]]
    assert isinstance(first.body[0], ast.Expr) and isinstance(first.body[0].value, ast.Constant)


def test_a_hostile_name_can_be_told_from_an_honest_one() -> None:
    assert plain('a"b\\\u202e') == "a<U+0022>b<U+005C><U+202E>"


def test_what_is_no_digest_is_refused() -> None:
    one = case("mlp")
    for digest in ('"""', "A" * 64, "0" * 63, "0" * 64 + "\n"):
        with pytest.raises(TpproofError, match="E142"):
            emit_numpy(one.plan, "mlp", digest, inputs=one.program.inputs)
        with pytest.raises(TpproofError, match="E142"):
            emit_numpy(one.plan, "mlp", "0" * 64, digest, inputs=one.program.inputs)


def test_a_kink_without_a_closed_form_is_refused() -> None:
    b = Builder()
    u, v = b.parameter("embedding", "U"), b.parameter("readout", "v")
    z = b.embed(u, b.input("xi"))
    b.output([(v, b.mul(b.call("relu", z), b.call("tanh", z)))])
    program = b.program("kinked")
    with pytest.raises(TpproofError, match="E141"):
        emit_numpy(compiled(prove(program)), "kinked", "0" * 64, inputs=program.inputs)


def test_a_module_that_nobody_would_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emit, "LINES", 50)
    with pytest.raises(TpproofError, match=r"E104[\s\S]*an emitted module of \d+ lines"):
        _ = case("rnn", phi="erf").text


def test_several_inputs_are_several_arguments(tmp_path: Path) -> None:
    b = Builder()
    u, w, v = b.parameter("embedding", "U"), b.parameter("embedding", "W"), b.parameter("readout", "v")
    x = b.add(b.embed(u, b.input("xi")), b.embed(w, b.input("class", 2), 1))
    b.output([(v, b.call("relu", x))])
    program = b.program("two")
    text = emit_numpy(compiled(prove(program)), "two", "0" * 64, inputs=program.inputs)
    assert "def kernel(xi_1, input1_1, xi_2=None, input1_2=None):" in text

    one = built(program)
    assert one.text.splitlines()[12:] == text.splitlines()[12:]
    alone, both = run(tmp_path, {"two": (program, text)})["two"]
    assert deviation(alone, reference(one, False)) < TOLERANCE
    assert deviation(both, reference(one, True)) < TOLERANCE


def test_wrong_shapes_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "emitted.py"
    path.write_text(case("rnn", phi="erf").text)
    script = "import sys; sys.path.insert(0, sys.argv[1]); import numpy, emitted; emitted.kernel(numpy.zeros((2, 4)))"
    command = [sys.executable, "-I", "-c", script, str(tmp_path)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode != 0
    assert "ValueError: expected shape (N, 3, d), found (2, 4)" in done.stderr
