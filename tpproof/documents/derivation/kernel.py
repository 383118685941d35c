"""The section of the kernel: what the letters mean, the recursion, what is not written."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Inlines, Items, Line, Paragraph, Section
from tpproof.documents.derivation.closed import ClosedForm
from tpproof.documents.derivation.names import Place
from tpproof.documents.derivation.notations import LETTERS
from tpproof.documents.derivation.prose import displayed
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import Derivative, Name, letter
from tpproof.documents.vocabulary import constant

NUMBERS_SHOWN, VALUES_SHOWN = 12, 60
LINES_SHOWN = 150
"""Lines of one kind: the kernel is printed in full for longer than anything else."""


def kernel(r: Reading, form: ClosedForm) -> Section:
    """The section: what the letters mean, the recursion, the kernel."""
    letters = LETTERS[r.notation]
    blocks: list[Block] = [
        Paragraph(
            (
                "Expectations are over the Gaussian vectors that functions read, ", *_centred(form), "jointly "
                "Gaussian by ", Cite("Definition B.3"), ". ", *_meaning(r, form), "Between the inputs their "
                "covariances are those below; within one input they are the same with both inputs equal. ",
                *_unlisted(form), "A prime is a derivative; ",
                Derivative(Name("x"), Name("a")), " is that of x as a function of these vectors",
                ", where there is one." if r.verdict == "conditional" else ".",
            )
        ),
        *displayed(form.covariance_lines(), "covariances", limit=LINES_SHOWN),
        *_titled("where, at either input,", form.where_lines(), "where"),
        *_titled("and, for the derivatives,", form.derivative_lines(), "derivatives"),
    ]  # fmt: skip
    lines = form.kernel_lines()
    if lines:
        which: Inlines = ("The path sums C ", Cite("(95)"), " follow") if r.notation == "yang" else (
            "The kernels ", Name(letters[1]), " of the layers, the path sums ", Cite("(95)"), " in these letters, "
            "follow",
        )  # fmt: skip
        blocks.append(
            Paragraph(
                (
                    *which,
                    " recursively. Where what training itself adds to one is the covariance (σ² = κ), it is written ",
                    Name(letters[0]),
                    ":",
                )
            )
        )
        blocks += displayed(lines, "recursion", limit=LINES_SHOWN)
    tag = "" if r.contracted else "(96)"  # with contracted stretches it is not the sum of the paper
    blocks += [Paragraph(("and so",)), *displayed(form.output_lines(r.outputs), "kernel-formula", tag)]
    blocks += _notes(r, form)
    return Section(("The kernel",), "kernel", tuple(blocks))


def _unlisted(form: ClosedForm) -> Inlines:
    """What the covariances are that are not listed, where all others are."""
    if len(form.covariance_lines()) > LINES_SHOWN:
        return ()
    return ("Two vectors of one expectation below are independent where their covariance is listed in neither order. ",)


def _centred(form: ClosedForm) -> Inlines:
    read = {a for pair in form.covariances.named for a in pair}
    return ("centred, ",) if all(map(form.covariances.centred, read)) else ("centred but for the means below, ",)


def _meaning(r: Reading, form: ClosedForm) -> Inlines:
    """What the numbers of jacot and lee stand for."""
    numbered = form.quantities.numbered
    if not numbered:
        return ()
    letter = Name(LETTERS[r.notation][0])
    if r.names.repetition:
        a = min(numbered)
        role = r.names.role(a)
        at = r.names.at(Place(i=None, j=role[1] if role else 0, right="l"))
        return ("The number of ", letter, " is the index l of ", at.vector(a), ". ")
    first = [(a, number) for a, number in sorted(numbered.items(), key=lambda item: item[1])][:NUMBERS_SHOWN]
    listed = [part for a, k in first for part in (", " if k > 1 else "", r.names.vector(a), f" ({k})")]
    more = f" and so on to {len(numbered)}" if len(numbered) > len(first) else ""
    return ("They are numbered in the order of the program: ", *(p for p in listed if p), f"{more}. ")


def _titled(title: str, lines: list[Line], label: str = "") -> list[Block]:
    return [Paragraph((title,)), *displayed(lines, label or title, limit=LINES_SHOWN)] if lines else []


def _notes(r: Reading, form: ClosedForm) -> list[Block]:
    """Factors that are 1, terms that are 0, pairs that are left out."""
    laws = [(r.names.law_value("sigma2", p), r.names.law_value("kappa", p)) for p in range(len(r.program.parameters))]
    both = [p for p, law in enumerate(laws) if law[0] == 1 == law[1]]
    variance = [p for p, law in enumerate(laws) if law[0] == 1 != law[1]]
    rate = [p for p, law in enumerate(laws) if law[1] == 1 != law[0]]
    still = [p for p, q in enumerate(r.program.parameters) if not q.trained]
    rows: list[Inlines] = []
    for which, some in (("σ² = κ = 1", both), ("σ² = 1", variance), ("κ = 1", rate)):
        if some:
            rows.append((f"{which}, not written: ", *_parameters(r, some), "."))
    rows += _values(r)
    if still:
        rows.append(("κ = 0, not trained, terms left out: ", *_parameters(r, still), "."))
    if form.recursion.omitted:
        rows.append((f"{form.recursion.omitted} more pairs of outputs are left out here; the certificate has all.",))
    if r.data["symmetries"]:
        rows.append(("A sum that is not defined here is what a symmetry of the network makes of one that is.",))
    return [Items(tuple(rows))] if rows else []


def _values(r: Reading) -> list[Inlines]:
    """The σ² and κ that are written as letters: what numbers they are."""
    transposed = {node.data[0] for node in r.program.nodes if node.op == "matmul" and node.data[1]}
    found: list[Inlines] = []
    for p, parameter in enumerate(r.program.parameters):
        kinds = [("sigma2", "σ"), *([("kappa", "κ")] if parameter.trained else [])]
        turned = (0, 1) if p in transposed and parameter.ratio(True) != 1 else (0,)
        for side in turned:
            for kind, symbol in kinds:
                value = r.names.law_value(kind, p, side)
                if value != 1:
                    found.append((r.names.law(symbol, p, side), " = ", constant(value)))
    parts = [part for k, one in enumerate(found[:VALUES_SHOWN]) for part in ((", ", *one) if k else one)]
    more = f" and {len(found) - VALUES_SHOWN} more" if len(found) > VALUES_SHOWN else ""
    return [("Written as letters: ", *parts, f"{more}.")] if found else []


def _parameters(r: Reading, some: list[int]) -> Inlines:
    names = [part for p in some[:NUMBERS_SHOWN] for part in (", ", Name(letter(r.program.parameters[p].name)))][1:]
    return (*names, f" and {len(some) - NUMBERS_SHOWN} more") if len(some) > NUMBERS_SHOWN else tuple(names)
