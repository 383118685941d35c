"""The kernel in closed recursive form."""

from __future__ import annotations

from tpproof.documents.blocks import Display, Items, Line, Section
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.kernel import kernel_equations


def kernel(r: Reading) -> Section:
    """Every line of the kernel, read off the C steps."""
    equations, notes = kernel_equations(r.vocabulary)
    lines = tuple(Line(left, "=", right) for left, right in equations)
    return Section(("The kernel",), "kernel", (Display(lines), Items(tuple((note,) for note in notes))))
