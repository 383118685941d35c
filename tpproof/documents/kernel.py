"""The kernel as a reader sees it, read off the checked steps: in one line where it is short, else by definitions."""

from __future__ import annotations

from collections import Counter
from typing import Any

from tpproof.documents.formula import Call, Formula, Name, Number, Power, product, to_latex, to_text, total
from tpproof.documents.vocabulary import Vocabulary
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT

Equation = tuple[Formula, Formula]
"""Left and right side."""

DEFINITIONS_SHOWN = 40
OUTPUT_PAIRS_SHOWN = 9
NESTED_STEPS = 100
"""Steps that one SymPy expression may nest: its printers recurse."""


def _kernel_steps(data: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for step in data["steps"] if step["rule"] == "path-sum"]


def _below(vocabulary: Vocabulary, step: dict[str, Any]) -> list[int]:
    """The C steps that a K96 step rests on, ascending, terms that vanish left out."""
    needed: set[int] = set()
    todo = [step["id"]]
    while todo:
        for atoms, ref, *_ in vocabulary.steps[todo.pop()]["conclusion"][3]:
            if ref >= 0 and ref not in needed and not vocabulary.zero.intersection(atoms):
                needed.add(ref)
                todo.append(ref)
    return sorted(needed)


def products(vocabulary: Vocabulary, step: dict[str, Any], limit: int) -> Counter[tuple[int, ...]] | None:
    """The kernel as a polynomial in atoms; None when it has more monomials than the limit, or images among its sums."""
    known: dict[int, Counter[tuple[int, ...]]] = {}
    for k in [*_below(vocabulary, step), step["id"]]:
        found: Counter[tuple[int, ...]] = Counter()
        for atoms, ref, *image in vocabulary.steps[k]["conclusion"][3]:
            if vocabulary.zero.intersection(atoms):
                continue
            if image:
                return None
            kept = [a for a in atoms if a not in vocabulary.unit]
            for more, times in (known[ref] if ref >= 0 else Counter({(): 1})).items():
                found[tuple(sorted([*kept, *more]))] += times
            if len(found) > limit:
                return None
        known[k] = found
    return known[step["id"]]


def monomial(vocabulary: Vocabulary, atoms: tuple[int, ...], times: int) -> Formula:
    number = [Number(str(times))] if times > 1 else []
    powers = [vocabulary.atom(a) if n == 1 else Power(vocabulary.atom(a), str(n)) for a, n in Counter(atoms).items()]
    return product([*number, *powers])


def _name(data: dict[str, Any], step: dict[str, Any]) -> Formula:
    outputs = len(data["network"]["outputs"])
    below = f"{step['conclusion'][1]}{step['conclusion'][2]}" if outputs > 1 else ""
    return Call(Name("K", below), (Name("ξ", tilde=True), Name("ξ")))


def kernel_equations(vocabulary: Vocabulary) -> tuple[list[Equation], list[str]]:
    """K_op(ξ̃, ξ) for the first pairs of outputs, and what has to be said about them."""
    data = vocabulary.data
    steps = _kernel_steps(data)
    equations: list[Equation] = []
    defined: set[int] = set()
    for step in steps[:OUTPUT_PAIRS_SHOWN]:
        monomials = products(vocabulary, step, DEFAULT.kernel_terms)
        if monomials is not None:
            right = total([monomial(vocabulary, atoms, times) for atoms, times in sorted(monomials.items())])
            equations.append((_name(data, step), right))
        else:
            equations.append((_name(data, step), vocabulary.sum(step["conclusion"][3])))
            defined.update(_below(vocabulary, step))
    notes = vocabulary.left_out()
    order = sorted(defined, reverse=True)
    half = DEFINITIONS_SHOWN // 2
    shown = order if len(order) <= DEFINITIONS_SHOWN else order[:half] + order[-half:]
    equations += [(vocabulary.quantity(k), vocabulary.sum(vocabulary.steps[k]["conclusion"][3])) for k in shown]
    if len(shown) < len(order):
        notes.append(f"{len(order) - len(shown)} of {len(order)} definitions C are not shown; the certificate has all")
    if data["symmetries"] and defined:
        notes.append("C of a pair that is not defined is what symmetries of the network make of one that is")
    if len(steps) > OUTPUT_PAIRS_SHOWN:
        notes.append(f"{len(steps) - OUTPUT_PAIRS_SHOWN} of {len(steps)} pairs of outputs are not shown")
    return equations, notes


NO_KERNEL = "none: the network is refused"


def kernel_text(data: dict[str, Any]) -> str:
    """The kernel as plain text, one equation a line."""
    if not data["steps"]:
        return NO_KERNEL
    equations, notes = kernel_equations(Vocabulary(data))
    lines = [f"{to_text(left)} = {to_text(right)}" for left, right in equations]
    return "\n".join([*lines, *(f"({note})" for note in notes)])


def kernel_latex(data: dict[str, Any]) -> str:
    """The kernel in LaTeX, for display math."""
    if not data["steps"]:
        return rf"\text{{{NO_KERNEL}}}"
    equations, _ = kernel_equations(Vocabulary(data))
    rows = [f"{to_latex(left)} &= {to_latex(right)}" for left, right in equations]
    return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def kernel_expression(data: dict[str, Any], o: int = 0, p: int = 0) -> Any:
    """K_op(ξ̃, ξ) as a SymPy expression whose symbols are the atoms.

    Raises
    ------
    TpproofError
        E141 for a refused network, E104 when it is nested too deeply for one expression, E124 for no such output.
    """
    import sympy

    if not data["steps"]:
        raise TpproofError("E141", "the kernel of a refused network", "a proved network")
    vocabulary = Vocabulary(data)
    step = next((s for s in _kernel_steps(data) if s["conclusion"][1:3] == [o, p]), None)
    if step is None:
        raise TpproofError("E124", f"outputs {o} and {p}", f"0 to {len(data['network']['outputs']) - 1}")
    needed = [*_below(vocabulary, step), step["id"]]
    if len(needed) > NESTED_STEPS:
        raise TpproofError("E104", f"a kernel of {len(needed)} nested sums", f"at most {NESTED_STEPS}; see .steps")
    known: dict[int, Any] = {}
    for k in needed:
        terms = []
        for atoms, ref, *image in vocabulary.steps[k]["conclusion"][3]:
            if image:
                raise TpproofError("E104", "a kernel whose sums symmetries give", "a smaller network; see .steps")
            if not vocabulary.zero.intersection(atoms):
                symbols = [sympy.Symbol(to_text(vocabulary.atom(a))) for a in atoms if a not in vocabulary.unit]
                terms.append(sympy.Mul(*symbols, *([known[ref]] if ref >= 0 else [])))
        known[k] = sympy.Add(*terms)
    return known[step["id"]]


__all__ = ["Equation", "kernel_equations", "kernel_expression", "kernel_latex", "kernel_text"]
