"""Programs drawn in the graphical notation of the paper's Figures 1 to 7: placed once, printed as SVG and TikZ."""

from collections.abc import Sequence

from tpproof.documents.diagrams.drawing import Drawing, Figure
from tpproof.documents.diagrams.figure import figure
from tpproof.documents.diagrams.listing import Instruction, listing_figure
from tpproof.documents.diagrams.overlay import Pair, pairs
from tpproof.documents.diagrams.pictures import as_pdf, as_png
from tpproof.documents.diagrams.placing import place
from tpproof.documents.diagrams.svg import svg
from tpproof.documents.diagrams.table import describe
from tpproof.documents.diagrams.tikz import TIKZ_LIBRARIES, tikz
from tpproof.limits import DEFAULT, Limits
from tpproof.program.model import Program

__all__ = [
    "TIKZ_LIBRARIES",
    "Drawing",
    "Figure",
    "Instruction",
    "Pair",
    "as_pdf",
    "as_png",
    "describe",
    "draw",
    "draw_listing",
    "figure",
    "pairs",
    "place",
    "svg",
    "tikz",
]


def draw(program: Program, view: str = "program", limits: Limits = DEFAULT) -> Drawing:
    """A program, placed.

    Parameters
    ----------
    program
        The network.
    view
        "program", or "backward" with the backward pass below it.
    limits
        Bounds on symbols and bends.

    Raises
    ------
    TpproofError
        E104 for a network too large to be read as a drawing.
    """
    return place(figure(program, limits), view, limits)


def draw_listing(name: str, instructions: Sequence[Instruction], limits: Limits = DEFAULT) -> Drawing:
    """A listing of instructions, placed: one step of SGD, as in Algorithm 1.

    Parameters
    ----------
    name
        Whose listing it is.
    instructions
        What it is given, and its lines in order.
    limits
        Bounds on symbols and bends.

    Raises
    ------
    TpproofError
        E104 for a listing too large to be read as a drawing.
    """
    return place(listing_figure(name, instructions, limits), "unrolled", limits)
