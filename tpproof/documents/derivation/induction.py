"""The induction over G-vars: (107), from one unrolled SGD step."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tpproof.documents.blocks import Block, Cite, Display, Fold, Inline, Inlines, Line, Paragraph, Ref, Section
from tpproof.documents.derivation.folding import Sides, Written, fold
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.prose import CHI, base_of, contracted_terms, displayed, quantity_line
from tpproof.documents.derivation.reading import Reading, Step
from tpproof.documents.derivation.unrolled import unrolled
from tpproof.documents.formula import Call, Derivative, Formula, Limit, Mean, Name, Product, Quotient, Row

MEMBERS_SHOWN = 6
FAMILIES_SHOWN = 60
XI = Name("ξ", tilde=True), Name("ξ")
GRAM = Quotient(Row((XI[0], "ᵀ", XI[1])), Name("d"))
H, Y, W, G, K = (Name(letter) for letter in "hyWgk")


@dataclass
class Family:
    """G-vars that are one up to renaming, their (107) and the steps that these are the first to need."""

    gvars: list[int] = field(default_factory=list)
    induction: list[Step] = field(default_factory=list)
    changes: list[Step] = field(default_factory=list)


def families(r: Reading) -> list[Family]:
    """All (107) by families, in program order; what no (107) needs belongs to the conclusion."""
    found: dict[object, Family] = {}
    owned: set[int] = set()
    for step in r.of("107"):
        g = step["conclusion"][1]
        role = r.names.role(g)
        family = found.setdefault((role[0], r.program.nodes[g].op) if role else g, Family())
        family.gvars.append(g)
        family.induction.append(step)
        family.changes += _first_needed(r, (j for _, j in step["conclusion"][2]), owned)
    for family in found.values():
        family.changes.sort(key=lambda step: int(step["id"]))
    return list(found.values())


def _first_needed(r: Reading, refs: Iterable[int], owned: set[int]) -> list[Step]:
    """The J steps below these that nobody owns yet."""
    todo, found = list(refs), []
    while todo:
        j = todo.pop()
        if j in owned:
            continue
        owned.add(j)
        found.append(r.steps[j])
        todo += [term[1] for term in r.steps[j]["conclusion"][3] if term[1] >= 0]
    return found


def in_conclusion(r: Reading, some: list[Family]) -> list[Step]:
    """The J steps that only the outputs need."""
    owned = {step["id"] for family in some for step in family.changes}
    return [step for step in r.of("J") if step["id"] not in owned]


# base case ------------------------------------------------------------------------------------------------


def base(r: Reading, some: list[Family]) -> Section:
    """(107) at initial G-vars."""
    initial = [f for f in some if not _is_matmul(r, f)]
    changes = [step for f in initial for step in f.changes]
    lines = fold([quantity_line(r.names, step) for step in changes], r.names)
    stated = fold([_stated(r, step) for f in initial for step in f.induction], r.names)
    moved = Call(Name("J"), (Name("a", tilde=True), Name("b")))
    text: Inlines = (
        "Let ", moved, " be defined by ",
        Mean(Derivative(Limit(Name("a", tilde=True), "δ"), Limit(Name("b"), "d"))), " = −", CHI, moved,
        ": how much of ", Limit(Name("b"), "d"), " the step at time ", Name("t"), " puts into the change of ",
        Name("a"),
        " at the test input, by the rules as they are written (Remark B.5). At initial G-vars the update is the whole "
        "change (D.3.1, with what is trained by ", Cite("D.4.1"), "): for an embedding ",
        Row(("δ(", Name("U"), XI[0], ") = −χκ Σ_g d", G, " ", GRAM)), ", over its uses ",
        Row((G, " = ", Name("U"), XI[1])), ", for a vector parameter ", Row(("δb = −χκ db",)), ". Hence",
    )  # fmt: skip
    blocks: list[Block] = [
        Paragraph(text), *displayed(lines, "initial-changes"),
        Paragraph(("which is ", Cite("(107)"), " at the initial G-vars, without hats:")), *displayed(stated,
        "base-107"),
    ]  # fmt: skip
    return Section(("Base case",), "base", tuple(blocks))


def _is_matmul(r: Reading, family: Family) -> bool:
    return r.program.nodes[family.gvars[0]].op == "matmul"


def _stated(r: Reading, step: Step) -> Written:
    """(107) at one G-var."""
    g, uses = step["conclusion"][1:3]
    names = r.names

    def write(at: Names) -> Sides:
        change, single = Limit(at.vector(g, True), "δ"), len(uses) == 1
        base = base_of(r.names, g)
        if single:
            k, j = uses[0]
            inner: Formula = Product((at.quantity(r.steps[j]["conclusion"][4]), Limit(at.vector(k), "d")))
        else:
            c = Call(Name("C"), (at.vector(base, True), K))
            inner = Row(("Σ_k ", Product((c, Limit(K, "d")))))
        right: list[Formula | str] = ["−", CHI, inner if single else Row(("(", inner, ")"))]
        if g in names.contracted:
            right += [" + ", contracted_terms(at, g, True)]
        node = r.program.nodes[g]
        if node.op == "matmul":
            matrix = Row((at.parameter(node.data[0]), "ᵀ" if node.data[1] else "", "•"))
            right += ["  mod ", Limit(matrix, "", "hat")]
        return change, "≡" if node.op == "matmul" else "=", Row(tuple(right))

    note: Inlines = () if len(uses) == 1 else ("k over ", *_listed(names, [k for k, _ in uses]))
    index = (names.index(g), names.index(uses[0][0]) if len(uses) == 1 else None)
    return Written(index, (step["id"],), write, note)


def _listed(names: Names, vectors: list[int]) -> Inlines:
    """Vectors, the first and the last of many."""
    if len(vectors) <= MEMBERS_SHOWN:
        return _commas([names.vector(k) for k in vectors])
    first = _commas([names.vector(k) for k in vectors[: MEMBERS_SHOWN - 2]])
    return (*first, ", …, ", names.vector(vectors[-1]), f" ({len(vectors)} of them)")


def _commas(formulas: list[Formula]) -> Inlines:
    return tuple(part for k, f in enumerate(formulas) for part in ((", ", f) if k else (f,)))


# inductive step -------------------------------------------------------------------------------------------


def induction(r: Reading, some: list[Family]) -> Section:
    """Each G-var's inductive step."""
    later = [f for f in some if _is_matmul(r, f)]
    blocks: list[Block] = [*_scheme(r)] if later else []
    blocks += [_fold(r, family) for family in later[:FAMILIES_SHOWN]]
    if len(later) > FAMILIES_SHOWN:
        rest = later[FAMILIES_SHOWN:]
        steps = [step["id"] for f in rest for step in [*f.changes, *f.induction]]
        text = (
            f"The inductive steps of {len(rest)} more G-vars, of the same kind, are left out here ({len(steps)} steps)."
        )
        blocks.append(Paragraph((text,)))
    if not later:
        blocks.append(Paragraph(("There is no MatMul: the base case is everything.",)))
    return Section(("Inductive step",), "induction", tuple(blocks))


def _scheme(r: Reading) -> Iterable[Block]:
    """(108)–(110) for any G-var."""
    change, dk = Limit(Row((W, "δ", Name("h", tilde=True)))), Limit(K, "d")
    signal = Limit(Row((W, "ᵀd", K)), "", "hat")
    dot, hat = (
        Limit(Row((W, "δ", Name("h", tilde=True))), "", "dot"),
        Limit(Row((W, "δ", Name("h", tilde=True))), "", "hat"),
    )
    moment = Mean(Product((Limit(Name("h", tilde=True)), Limit(Y))))
    slope = Mean(Derivative(Limit(Name("h", tilde=True), "δ"), signal))
    kappa, sigma = Name("κ", "W"), Name("σ", "W", above="2")
    j_h = Call(Name("J"), (Name("h", tilde=True), Y))
    collected = Row((Call(Name("J"), (Name("g", tilde=True), K)), " = ", kappa, moment, " + ", sigma, j_h))
    return (
        Paragraph(
            (
                "Let ", G, " = ", Row((W, H)), " and suppose ", Cite("(107)"), " at all G-vars before it. Below, ", K,
                " = ",
                Row((W, Y)), " runs over the uses of the same matrix in the run at ξ, g itself among them. One SGD "
                "step, unrolled ", Cite("(108)"), ", changes g at the test input by",
            )
        ),
        Display(
            (
                Line(Limit(Name("g", tilde=True), "δ"), "=", Row((change, " − ", CHI, kappa, " Σ_k ", moment, dk)),
                     (Cite("(91)"), ", the update of ", W)),
                Line(change, "=", Row((hat, " + ", dot)), (Cite("(92)"),)),
                Line(dot, "=", Row((sigma, " Σ_k ", slope, dk)), ("ZDot ", Cite("(65), (109)"))),
                Line(slope, "=", Row(("−", CHI, j_h)), (Cite("(111)-(120)"),)),
            ),
            "scheme",
        ),
        Paragraph(
            (
                "The last line is where the induction hypothesis ", Cite("(113)"), " enters. By the chain rule ",
                Cite("(111)-(112)"), " the change of ", H, " is linear in the changes of what it reads, whose "
                "coefficients are known; and ", signal, " enters it only through ", Limit(Y, "d"), ", which contains "
                "it once, and so through the error signals that ", Limit(Y, "d"), " feeds ", Cite("(117)-(120)"),
                ". Collecting ", Cite("(110)"), ", ", collected, ", and modulo the hat this is ", Cite("(107)"),
                ". Each sum below was derived from the update, and has then been compared with the sum C over paths ",
                Cite("(95)"), " of the same pair, which was found without it: the terms are equal, which is the last "
                "equality of each line.",
                *_contracted(r),
            )
        ),
    )  # fmt: skip


def _contracted(r: Reading) -> Inlines:
    if not r.contracted:
        return ()
    return (
        " At a contracted G-var ZDot has further terms, over changes: they are set apart in ",
        Ref("contraction"),
        ".",
    )


def _fold(r: Reading, family: Family) -> Fold:
    """The inductive step at the members of a family."""
    names = r.names
    definitions = fold([_definition(r, g) for g in family.gvars], names)
    changes = fold([quantity_line(names, step, True) for step in family.changes], names)
    stated = fold([_stated(r, step) for step in family.induction], names)
    summary: list[Inline] = []
    for line in definitions[:3]:
        summary += ["; "] if summary else []
        summary += [*([line.left, " = "] if line.left else []), line.right, *([", ", *line.note] if line.note else [])]
    more = [f"; and {len(definitions) - 3} more"] if len(definitions) > 3 else []
    label = f"at-{family.gvars[0]}"
    before = [line for step in family.induction for line in unrolled(r, step)]
    blocks: list[Block] = [
        *displayed(fold(before, names), f"unrolled-{label}"),
        *displayed(changes, f"changes-{label}"),
        Paragraph(("Hence ", Cite("(107)"), *_beside(r, family), ":")),
        *displayed(stated, f"107-{label}", "(107)"),
    ]
    return Fold((*summary, *more), tuple(blocks), True)


def _beside(r: Reading, family: Family) -> Inlines:
    """What is said of a contracted G-var."""
    if any(g in r.names.contracted for g in family.gvars):
        return (", but for the change that comes through the contraction (", Ref("contraction"), ")")
    return ()


def _definition(r: Reading, g: int) -> Written:
    return Written((None, r.names.index(g)), (), lambda at: (at.vector(g), "=", at.definition(g)))
