"""Every step: the parts of the proof, their tables, and a glossary of the rules."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Column, Inlines, Paragraph, Ref, Section, Table, TableRow
from tpproof.documents.derivation.reading import Reading, Step, ends
from tpproof.documents.derivation.steps import step_formula
from tpproof.documents.document import Part, StepRow

PREMISES_SHOWN = 12

PARTS = (
    ("path-sums", "The path sums (95)", ("C",)),
    ("contractions", "Contractions (65)", ("contract",)),
    ("unrolled", "The unrolled step (108)–(120)", ("J",)),
    ("induction", "The induction (107)", ("107",)),
    ("backpropagation", "Backpropagation and the NTK (100), (105)–(106)", ("D", "K100")),
    ("kernel", "Proposition D.3 (96)", ("K96", "duality")),
    ("conclusion", "The conclusion (121)–(122)", ("limit", "listed", "theorem")),
)

RULES = {
    "path-start": "C of two initial G-vars of one parameter: κ ξ̃ᵀξ/d for an embedding, κ for a vector parameter",
    "path-extend": "C(Wh̃, Wk) = κ E[Z^h̃ Z^k] + σ² C(h̃, k)",
    "path-linear": "C is bilinear: a linear combination is expanded",
    "path-nonlin": "C(x̃, y) = Σ E[∂_i x̃ ∂_j y] C(ã_i, b_j), over what x and y read",
    "update-initial": "one SGD step moves an initial G-var by −χκ Σ dg ξ̃ᵀξ/d, a vector parameter by −χκ db",
    "update-gvar": "one SGD step moves Wh̃ by the update (91), and ZDot (109) of Wδh̃",
    "change-linear": "the change of a linear combination, and what flows back through it",
    "change-nonlin": "the chain rule (93), (111)–(112), and backward unwinding (117)–(120)",
    "contract": "ZDot (65) in the forward pass, where W meets its transpose",
    "induction": "(107) at a G-var, from the J of its pairs",
    "backprop": "E[Z^da Z^db] from the readers of a and b, (105)–(106)",
    "ntk": "the definition (100): Σ κ E[Z^dg Z^dg] E[Z^h Z^h] over all uses of all parameters",
    "path-sum": "Proposition D.3: the readouts' own part, and σ_v² C of the vectors that they read",
    "duality": "Σ S·D = Σ R·C: the kernels of (96) and (100) are equal",
    "limit": "(121)–(122): the limit of the output's change",
    "listed": "all pairs of isomorphic paths, one by one; as many as the recursion counts",
    "theorem": "all of the above, complete for the network",
}
"""What each rule of the certificate does, in a line."""


def parts(r: Reading) -> tuple[Part, ...]:
    """The steps by parts of the proof, the first and last of each written out."""
    found = []
    for key, title, kinds in PARTS:
        shown, omitted = ends(sorted((s for kind in kinds for s in r.of(kind)), key=lambda s: int(s["id"])))
        if shown:
            found.append(Part(key, title, tuple(_row(r, step, key) for step in shown), omitted))
    return tuple(found)


def _row(r: Reading, step: Step, part: str) -> StepRow:
    formula = step_formula(r.vocabulary, step)
    premises, used_by = tuple(step["premises"]), tuple(r.used_by[step["id"]])
    return StepRow(step["id"], step["rule"], step["equation"], formula, premises, used_by, part)


def audit(parts: tuple[Part, ...], count: int) -> Section:
    """Step | from | rule | conclusion | equation | used by."""
    blocks: list[Block] = [
        Paragraph((f"The certificate has {count} steps. Each follows by its rule from those that it names.",))
    ]
    blocks += [_table(part) for part in parts]
    return Section(("Every step",), "audit", tuple(blocks))


COLUMNS = (
    Column("step", right=True), Column("from", 0.1), Column("rule", 0.12), Column("conclusion", 0.5),
    Column("equation", 0.14), Column("used by", 0.1),
)  # fmt: skip


def _table(part: Part) -> Table:
    rows = tuple(_cells(row) for row in part.steps)
    before = len(rows) if not part.omitted else len(rows) - min(len(rows), 50)
    return Table(COLUMNS, rows, (part.title,), f"steps-{part.key}", part.omitted, before)


def _cells(row: StepRow) -> TableRow:
    rule = Ref(f"rule-{row.rule}", row.rule)
    cells: tuple[Inlines, ...] = (
        (str(row.id),), links(row.premises), (rule,), (row.formula,), (Cite(row.equation),), links(row.used_by),
    )  # fmt: skip
    return TableRow(cells, f"step-{row.id}")


def links(ids: tuple[int, ...]) -> Inlines:
    """References to steps, the first of many."""
    shown: list[str | Ref] = []
    for k in ids[:PREMISES_SHOWN]:
        shown += [" "] if shown else []
        shown.append(Ref(f"step-{k}", str(k)))
    more = len(ids) - PREMISES_SHOWN
    return (*shown, f" and {more} more") if more > 0 else tuple(shown)


def rules(r: Reading) -> Section:
    """What each rule does, and how often it is used."""
    used: dict[str, int] = {}
    equations: dict[str, str] = {}
    for step in r.steps:
        used[step["rule"]] = used.get(step["rule"], 0) + 1
        equations[step["rule"]] = step["equation"]
    rows = tuple(
        TableRow(((rule,), (Cite(equations[rule]),), (text,), (str(used[rule]),)), f"rule-{rule}")
        for rule, text in RULES.items()
        if rule in used
    )
    columns = (Column("rule"), Column("equation", 0.2), Column("what it does", 0.6), Column("steps", right=True))
    return Section(
        ("The rules",), "rules", (Table(columns, rows, ("Rules, and how often they are used.",), "glossary"),)
    )
