"""Derivatives of NonLins as SymPy expressions: of known functions, of abstract ones, and of what users compose.

SymPy is imported where it is used; nothing in the logic depends on it.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from tpproof.limit.law import LimitForm, limit_form
from tpproof.program.atoms import Ref
from tpproof.program.constants import Constant
from tpproof.program.listing import node_name
from tpproof.program.model import Kind, Program

Expression: TypeAlias = Any
"""A SymPy expression."""


def constant(c: Constant) -> Expression:
    """An exact constant."""
    import sympy

    if not isinstance(c, tuple):
        return sympy.Rational(c.numerator, c.denominator)
    if c[0] == "pow":
        return constant(c[1]) ** sympy.Rational(c[2].numerator, c[2].denominator)
    parts = [constant(part) for part in c[1]]
    return sympy.Add(*parts) if c[0] == "add" else sympy.Mul(*parts)


def function(name: str, *args: Expression) -> Expression:
    """A known function of the language, or an abstract one, applied to real arguments."""
    import sympy

    z = args[0]
    half = sympy.Rational(1, 2)
    match name:
        case "tanh" | "erf" | "sin" | "cos" | "exp":
            return getattr(sympy, name)(z)
        case "sigmoid":
            return 1 / (1 + sympy.exp(-z))
        case "softplus":
            return sympy.log(1 + sympy.exp(z))
        case "gelu":
            return half * z * (1 + sympy.erf(z / sympy.sqrt(2)))
        case "silu":
            return z / (1 + sympy.exp(-z))
        case "relu":
            return z * sympy.Heaviside(z, half)
        case "leaky_relu":
            return z * (args[1] + (1 - args[1]) * sympy.Heaviside(z, half))
        case "abs":
            return sympy.Abs(z)
        case "step":
            return sympy.Heaviside(z, half)
    return sympy.Function(name, real=True)(*args)


def symbol(program: Program, r: Ref) -> Expression:
    """The symbol of a vector or scalar: g3, ĝ3 for a hat, θ5."""
    import sympy

    return sympy.Symbol(f"ĝ{~r}" if r < 0 else node_name(program, r), real=True)


def nonlin(program: Program, x: int, form: LimitForm | None = None) -> Expression:
    """A NonLin as a function of its frontier (and of scalars), its definition written out.

    Parameters
    ----------
    program
        The network.
    x
        A vector node that is neither base nor a linear combination of G-vars.
    form
        The program's limit form, if it is at hand.
    """
    import sympy

    form = form or limit_form(program)
    stop = set(form.frontier(x))
    known: dict[Ref, Expression] = {}
    stack: list[Ref] = [x]
    while stack:  # iterative: definitions are as deep as networks
        r = stack[-1]
        if r in known:
            stack.pop()
            continue
        if r in stop or r < 0 or (program.kinds[r] is Kind.SCALAR):
            known[r] = symbol(program, r)
            continue
        parts = _parts(program, form, r)
        missing = [p for p in parts if p not in known]
        if missing:
            stack.extend(missing)
            continue
        known[r] = _combined(program, form, r, known, sympy)
    return known[x]


def _parts(program: Program, form: LimitForm, r: Ref) -> list[Ref]:
    """What a node's definition reads: for a contracted MatMul its hat and the vectors that contract with it."""
    if r in form.contractions:
        return [t.vector for t in form.terms(r)]
    return list(program.nodes[r].args)


def _combined(program: Program, form: LimitForm, r: Ref, known: dict[Ref, Expression], sympy: Any) -> Expression:
    if r in form.contractions:  # Ż^g: the coefficients are numbers
        terms = [known[t.vector] * (1 if t.contraction is None else _response(sympy, t)) for t in form.terms(r)]
        return sympy.Add(*terms)
    node = program.nodes[r]
    args = [known[a] for a in node.args]
    match node.op:
        case "const":
            return constant(node.data[0])
        case "ones":
            return sympy.Integer(1)
        case "add":
            return sympy.Add(*args)
        case "mul":
            return sympy.Mul(*args)
        case "pow":
            return args[0] ** sympy.Rational(node.data[0].numerator, node.data[0].denominator)
        case "call":
            return function(node.data[0], *args)
    return symbol(program, r)  # a G-var that the definition reads and that is not of the frontier


def _response(sympy: Any, term: Any) -> Expression:
    g, u = term.contraction
    return sympy.Symbol(f"c_{g},{u}", real=True)


def derivative(program: Program, x: int, a: Ref, form: LimitForm | None = None) -> Expression:
    """∂_a x for a in the frontier of x: what stands under the expectations of (95), as a SymPy expression."""
    import sympy

    return sympy.diff(nonlin(program, x, form), symbol(program, a))
