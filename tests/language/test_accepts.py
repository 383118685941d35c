"""What the language's words mean."""

from __future__ import annotations

from fractions import Fraction

import pytest

from tpproof.language.interpreter import parse
from tpproof.program.model import Program

HEAD = 'xi = input("xi", 3)\nU = embedding("U")\nW = matrix("W")\nv = readout("v")\nx = U @ xi[0]\n'


def program(text: str) -> Program:
    return parse(HEAD + text + "\n", "n.tp")


def same(one: str, other: str) -> bool:
    return program(f"output(v @ ({one}))") == program(f"output(v @ ({other}))")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x + x", "2*x"),
        ("x - x + tanh(x)", "tanh(x)"),
        ("x / 2", "1/2 * x"),
        ("0.3 * x", "3/10 * x"),
        ("1e-5 * x", "x / 100000"),
        ("sqrt(8) * x", "2 * sqrt(2) * x"),
        ("2**(1/2) * x", "sqrt(2) * x"),
        ("x * tanh(x) * 3", "3 * x * tanh(x)"),
        ("x ** 1", "x"),
        ("x ** 0", "ones()"),
        ("identity(x)", "x"),
        ("+x", "x"),
        ("-x", "-1 * x"),
        ("x / (x*x + ones())", "x * (x*x + ones()) ** -1"),
        ("sum([x, tanh(x), 0])", "x + tanh(x)"),
        ("sum([i * x for i in range(4)])", "6 * x"),
        ("0 + x", "x"),
        ("zeros() + x", "x + 0*ones()"),
        ("W.T.T @ x", "W @ x"),
        ("U @ xi[-1]", "U @ xi[2]"),
        ("[x, tanh(x)][1]", "tanh(x)"),
        ("[x, tanh(x), x][1:][0]", "tanh(x)"),
        ("(relu if 2 > 1 else tanh)(x)", "relu(x)"),
        ("leaky_relu(x)", "leaky_relu(x, 1/100)"),
        ("softmax([mean(x), mean(x)])[0] * x", "exp(mean(x)) / (exp(mean(x)) + exp(mean(x))) * x"),
        ("sum([U @ part for part in xi])", "U @ xi[0] + U @ xi[1] + U @ xi[2]"),
        ("len(xi) * x", "3 * x"),
        ("(7 // 2) * (7 % 4) * x", "9 * x"),
        ("mean(x) * ones() * 2", "2 * mean(x) * ones()"),
    ],
)  # fmt: skip
def test_two_ways_to_write_one_network(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(("one", "other"), [("W @ x", "W.T @ x"), ("x + tanh(x)", "tanh(x) + x"), ("x", "2*x")])
def test_different_networks_differ(one: str, other: str) -> None:
    assert not same(one, other)


def test_parameters_keep_their_numbers() -> None:
    found = program('b = bias("b", std=3/2, scale=-2, lr=0.1)\nc = bias("c", trained=False)\noutput(v @ (b + c))')
    b, c = found.parameters[-2:]
    assert (b.std, b.scale, b.lr) == (Fraction(3, 2), Fraction(-2), Fraction(1, 10))
    assert (b.variance(), b.rate()) == (9, Fraction(2, 5))
    assert (c.lr, c.trained) == (0, False)


def test_control_is_evaluated_while_reading() -> None:
    text = """
names = ["a", "b"]
h = [x]
for i in range(2):
    for name in names:
        if i == 0 and not name == "b" or i == 1:
            h += [tanh(matrix(f"{name}{i}") @ h[-1])]
first, *_rest = h[0], 1
"""
    with pytest.raises(Exception, match="starred"):
        program(text + "output(v @ h[-1])")
    found = program(text.replace("first, *_rest = h[0], 1", "first, second = h[0], h[1]") + "output(v @ h[-1])")
    assert [p.name for p in found.parameters[3:]] == ["a0", "a1", "b1"]


def test_several_outputs_and_sums_of_readouts() -> None:
    declared = 'w = readout("w")\nc = output_bias("c")\n'
    found = program(declared + "output(v @ x + w @ tanh(x) + c)\noutput(v @ x + v @ tanh(x))")
    assert [len(out.terms) for out in found.outputs] == [2, 1]
    assert found.outputs[0].bias is not None
    assert found.nodes[found.outputs[1].terms[0][1]].op == "add"


def test_an_override_replaces_the_first_assignment() -> None:
    text = "L = 2\nphi = tanh\nflag = False\nfor l in range(L):\n    x = phi(W @ x)\noutput(v @ x)\n"
    five = parse(HEAD + text, "n.tp", {"L": "5", "phi": "relu"})
    assert len(five.gvars) == 6
    assert {n.data[0] for n in five.nodes if n.op == "call"} == {"relu"}


def test_every_instruction_knows_its_place() -> None:
    found = program("y = tanh(W @ x)\noutput(v @ y)")
    places = {node.op: found.place(k) for k, node in enumerate(found.nodes)}
    assert (places["matmul"].line, places["matmul"].column) == (6, 10)  # type: ignore[union-attr]
    assert (places["call"].line, places["call"].column) == (6, 5)  # type: ignore[union-attr]


def test_python_scoping_of_comprehensions_and_lists() -> None:
    found = program("i = 7\nys = [i * x for i in range(3)]\nzs = ys\nys += [x]\noutput(v @ (i * zs[3] + zs[2]))")
    assert found == program("output(v @ (7*x + 2*x))")
