"""Symbolic derivatives against differences, for every known function and for what users compose."""

from __future__ import annotations

import subprocess
import sys

import pytest
import sympy

from tpproof.language.interpreter import parse
from tpproof.limit.derivatives import derivative, function, nonlin, symbol
from tpproof.limit.law import limit_form
from tpproof.program.functions import FUNCTIONS
from tpproof.program.model import Program


def last(program: Program) -> int:
    return program.outputs[0].terms[0][1]


def network(expression: str) -> Program:
    return parse(
        f"""
xi = input("xi", 2)
U = embedding("U")
psi = nonlinearity("psi", 2)
phi = nonlinearity("phi")
x = U @ xi[0]
y = U @ xi[1]
output(readout("v") @ ({expression}))
""",
        "n.tp",
    )


def differs(expression: sympy.Expr, slope: sympy.Expr, variable: sympy.Symbol, at: dict[sympy.Symbol, float]) -> float:
    """The derivative minus a central difference."""
    h = 1e-6
    up, down = ({**at, variable: at[variable] + s * h} for s in (1, -1))
    quotient = (expression.subs(up) - expression.subs(down)).evalf(30) / (2 * h)
    return float(abs(quotient - slope.subs(at).evalf(30)))


@pytest.mark.parametrize("name", sorted(set(FUNCTIONS) - {"step"}))
@pytest.mark.parametrize("at", [-1.3, 0.4])
def test_every_known_function(name: str, at: float) -> None:
    z = sympy.Symbol("z", real=True)
    args = (z, sympy.Rational(1, 10)) if name == "leaky_relu" else (z,)
    expression = function(name, *args)
    assert differs(expression, sympy.diff(expression, z), z, {z: at}) < 1e-6


@pytest.mark.parametrize(
    "expression",
    [
        "x * tanh(y)",
        "gelu(x + 2*y) * sigmoid(x)",
        "sin(x*y) / sqrt(x*x + ones())",
        "exp(-x*x) + erf(x)**3",
        "tanh(tanh(tanh(x)*y))",
    ],
)
def test_what_users_compose(expression: str) -> None:
    program = network(expression)
    x, form = last(program), limit_form(program)
    variables = [symbol(program, a) for a in form.frontier(x)]
    at = {v: 0.3 + 0.2 * i for i, v in enumerate(variables)}
    for a, v in zip(form.frontier(x), variables, strict=True):
        assert differs(nonlin(program, x), derivative(program, x, a), v, at) < 1e-6


def test_an_abstract_function_keeps_its_name() -> None:
    program = network("phi(x) * psi(x, y)")
    found = derivative(program, last(program), program.gvars[1])
    assert "psi" in str(found)
    assert "Derivative" in str(found) or "Subs" in str(found)


def test_tanh_prime_is_one_minus_tanh_squared() -> None:
    program = network("tanh(x)")
    g = symbol(program, program.gvars[0])
    assert derivative(program, last(program), program.gvars[0]) == 1 - sympy.tanh(g) ** 2


def test_the_frontier_is_held_fixed_not_followed() -> None:
    """tanh(x + b) tanh(x): the derivative by x + b does not differentiate the second factor."""
    program = network("tanh(x + bias('b')) * tanh(x)")
    x, form = last(program), limit_form(program)
    inner = next(a for a in form.frontier(x) if program.nodes[a].op == "add")
    assert derivative(program, x, inner).has(sympy.tanh(symbol(program, inner)))
    assert symbol(program, program.gvars[0]) in derivative(program, x, inner).free_symbols


def test_limit_does_not_load_sympy() -> None:
    code = "import tpproof.limit.derivatives, tpproof.limit.unroll, sys; print('sympy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
