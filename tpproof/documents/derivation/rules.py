"""The rules of the certificate's format, as inference figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tpproof.documents.blocks import Block, Cite, Inference, Inlines, Paragraph, Section
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import Call, Derivative, Formula, Limit, Mean, Name, Product, Quotient, Row, Words


@dataclass(frozen=True)
class Rule:
    """One rule: what it needs, what follows, on which condition."""

    name: str
    equation: str
    premises: tuple[Formula, ...]
    conclusion: Formula
    condition: Inlines = ()


def rules(r: Reading) -> Section:
    """What each rule does, and how often this proof uses it."""
    return rules_section(Counter(step["rule"] for step in r.steps))


def rules_section(used: Mapping[str, int]) -> Section:
    """Every rule, with the number of steps that use it."""
    intro = Paragraph(
        (
            "Above the line of a figure stands what a step has to name or what has to be so in the program, below it "
            "what the step may then state. Here a, b, h, k, x, y are vectors, the first of a pair at ", _XI_TILDE,
            ", the second at ", _XI, "; A is a matrix W or its transpose, the same one in a figure; a sum runs over "
            "the pairs whose supports meet. The checker computes every conclusion from the program and the premises "
            "by itself.",
        )
    )  # fmt: skip
    parts = [Section((title,), label, tuple(_figure(rule, used) for rule in some)) for title, label, some in GROUPS]
    return Section(("The rules",), "rules", (intro, *parts))


def _figure(rule: Rule, used: Mapping[str, int]) -> Block:
    count = used.get(rule.name, 0)
    often = "Not used here." if not count else f"Used by {count} step{'s' if count > 1 else ''}."
    condition = (*rule.condition, f" {often}" if rule.condition else often)
    return Inference(rule.name, rule.premises, rule.conclusion, rule.equation, condition, f"rule-{rule.name}")


# letters ----------------------------------------------------------------------------------------------------

_XI_TILDE, _XI = Name("ξ", tilde=True), Name("ξ")
_A, _U = Name("A"), Name("U")
_SIGMA_A, _KAPPA_A, _KAPPA_U = Name("σ", "A", above="2"), Name("κ", "A"), Name("κ", "U")
_SIGMA_V, _KAPPA_V = Name("σ", "v", above="2"), Name("κ", "v")
_CHI = Name("χ", accent="ring")
_WEIGHTS = Row((Name("α", "o"), Name("χ", "p")))


def _pair(symbol: str, a: str, b: str, i: str = "", j: str = "") -> Formula:
    """C(ã_i, b_j)."""
    return Call(Name(symbol), (Name(a, i, True), Name(b, j)))


def _moment(x: str, y: str) -> Formula:
    return Mean(Product((Limit(Name(x, tilde=True)), Limit(Name(y)))))


def _is(left: Formula, *right: Formula | str) -> Formula:
    return Row((left, " = ", *right))


def _product_with(matrix: Name, a: str, h: str) -> Formula:
    return _is(Name(a), matrix, " ", Name(h))


_EMBEDDED = (_is(Name("a"), _U, " ", Name("ξ", "i")), _is(Name("b"), _U, " ", Name("ξ", "j")))
_GRAM = Quotient(Row((Name("ξ", "i", True), "ᵀ", Name("ξ", "j"))), Name("d"))
_START = Product((_KAPPA_U, _GRAM))
_MULTIPLIED = (_product_with(_A, "a", "h"), _product_with(_A, "b", "k"))
_COMBINED = (
    _is(Name("a"), "Σ_{i} ", Name("w", "i"), Name("a", "i")), _is(Name("b"), "Σ_{j} ", Name("u", "j"), Name("b", "j")),
)  # fmt: skip
_APPLIED = (
    _is(Name("a"), Call(Name("φ"), (Name("a", "1"), Row(("…",))))),
    _is(Name("b"), Call(Name("ψ"), (Name("b", "1"), Row(("…",))))),
)
_SLOPES = Mean(
    Product((Derivative(Name("a", tilde=True), Name("a", "i", True)), Derivative(Name("b"), Name("b", "j"))))
)


def _extended(symbol: str) -> Formula:
    return Row((_KAPPA_A, " ", _moment("h", "k"), " + ", _SIGMA_A, " ", _pair(symbol, "h", "k")))


def _bilinear(symbol: str) -> Formula:
    return Row(("Σ_{i,j} ", Name("w", "i", True), " ", Name("u", "j"), " ", _pair(symbol, "a", "b", "i", "j")))


def _chained(symbol: str) -> Formula:
    return Row(("Σ_{i,j} ", _SLOPES, " ", _pair(symbol, "a", "b", "i", "j")))


def _read(symbol: str) -> Formula:
    """What a readout makes of the vectors that it reads."""
    return Row(("Σ_{v} (", _KAPPA_V, " ", _moment("x", "y"), " + ", _SIGMA_V, " ", _pair(symbol, "x", "y"), ")"))


# the rules --------------------------------------------------------------------------------------------------

_C, _J = _pair("C", "a", "b"), _pair("J", "a", "b")
_ONE_BASE: Inlines = (
    "Where one of the two is a base Gaussian it stands for itself and the expectation is of one derivative.",
)
_EXPAND: Inlines = (
    "The weights are constants or limits of scalars. If only one of the two is linear, that one is expanded.",
)
_SAME: Inlines = (" With C for J the terms have to be those of the C named.",)

PATHS = (
    Rule("path-start", "(95), D.4.1", _EMBEDDED, _is(_C, _START), (
        "For a vector parameter, the same in both, C = ", _KAPPA_U, ".",
    )),
    Rule("path-extend", "(95)", (*_MULTIPLIED, _pair("C", "h", "k")), _is(_C, _extended("C")), (
        "The last term is there if the supports of h and k meet.",
    )),
    Rule("path-linear", "(95), linear", (*_COMBINED, _pair("C", "a", "b", "i", "j")), _is(_C, _bilinear("C")), _EXPAND),
    Rule("path-nonlin", "(95), NonLin", (*_APPLIED, _pair("C", "a", "b", "i", "j")), _is(_C, _chained("C")), _ONE_BASE),
)  # fmt: skip
CHANGES = (
    Rule("update-initial", "D.3.1, (123)", (*_EMBEDDED, _C), _is(_J, _START, " = ", _C), (
        "One step of SGD, ", Cite("(91)"), ", moves the embedding of the test input by that of the training input. For "
        "a vector parameter J = ", _KAPPA_U, ".", *_SAME,
    )),
    Rule("update-gvar", "(108)-(110)", (*_MULTIPLIED, _pair("J", "h", "k"), _C), _is(_J, _extended("J"), " = ", _C), (
        "The update ", Cite("(91)"), " gives the first term, ZDot ", Cite("(109)"), " the second.", *_SAME,
    )),
    Rule("change-linear", "(111), linear", (*_COMBINED, _pair("J", "a", "b", "i", "j"), _C),
         _is(_J, _bilinear("J"), " = ", _C), (*_EXPAND, *_SAME)),
    Rule("change-nonlin", "(111)-(120)", (*_APPLIED, _pair("J", "a", "b", "i", "j"), _C),
         _is(_J, _chained("J"), " = ", _C), (
        "The chain rule ", Cite("(93)"), " on the left, backward unwinding ", Cite("(117)–(120)"), " on the right. ",
        *_ONE_BASE, *_SAME,
    )),
    Rule("contract", "(65)", (
        _product_with(_A, "g", "x"), _is(Name("u", "k"), _A, "ᵀ", Name("y", "k")),
    ), _is(
        Limit(Name("g"), accent="dot"), "Σ_{k} ", _SIGMA_A, " ",
        Mean(Derivative(Limit(Name("x")), Limit(Name("u", "k"), accent="hat"))), " ", Limit(Name("y", "k")),
    ), ("For every MatMul by the transpose on which x depends; then g is its hat and these terms.",)),
    Rule("induction", "(107)", (
        _is(_pair("J", "g", "k"), _pair("C", "g", "k")), Words("for every G-var k of the symbol of g"),
    ), Row((
        Limit(Name("g", tilde=True), "δ"), " ≡ −", _CHI, " Σ_{k} ", _pair("C", "g", "k"), " ", Limit(Name("k"), "d"),
        " mod ", Name("Z", accent="hat"),
    )), ("A contracted g needs its contraction too, and the changes through it are added.",)),
)  # fmt: skip
KERNELS = (
    Rule("backprop", "(105)-(106)", (
        _is(_pair("C", "x", "y"), "… + ", Name("w"), " ", _C, " + …"), _pair("D", "x", "y"),
    ), _is(
        _pair("D", "a", "b"), "Σ_{v,o,p} ", _SIGMA_V, " ", _WEIGHTS, " + Σ ", Name("w"), " ", _pair("D", "x", "y"),
    ), (
        "Over every C step, and image of it, in which C of the pair occurs; the first sum is over the readouts that "
        "read a in output o and b in output p.",
    )),
    Rule("ntk", "(100)", (
        _is(_pair("C", "g", "k"), _pair("S", "g", "k"), " + …"), _pair("D", "g", "k"),
    ), _is(
        Name("K"), "Σ ", _pair("S", "g", "k"), " ", _pair("D", "g", "k"), " + Σ_{v,o,p} ", _KAPPA_V, " ",
        _moment("x", "y"), " ", _WEIGHTS,
    ), ("S is the term of C that needs no earlier C. A shared output bias adds its own rate.",)),
    Rule("path-sum", "(96)", (_pair("C", "x", "y"),), _is(Name("K", "op"), _read("C")), (
        "Over the readouts v that output o reads x with and output p reads y with; a shared output bias adds its rate.",
    )),
    Rule("duality", "(96)=(100)", (
        Row((Name("K"), Words(" of (100)"))), Row((Name("K", "op"), Words(" of (96), for all outputs o and p"))),
        Row((_pair("D", "a", "b"), Words(" for every C"))),
    ), _is(Name("K"), "Σ_{o,p} ", _WEIGHTS, " ", Name("K", "op")), ("The duality lemma: Σ S·D = Σ R·C.",)),
    Rule("limit", "(121)-(122)", (_pair("J", "x", "y"), Name("K", "op")), _is(
        Row(("lim δ", Name("f", "o"))), "−", Name("χ", "p", accent="ring"), " ", _read("J"), " = −",
        Name("χ", "p", accent="ring"), " ", Name("K", "op"),
    ), ("Of several outputs p this is what one adds; the limit is the sum over them.", *_SAME)),
    Rule("listed", "(95)-(96)", (), Words("all pairs of isomorphic paths to G-vars that outputs o and p read"), (
        "A list. Optional, without contractions only. They have to be as many as the recursion counts.",
    )),
    Rule("theorem", "Theorem 5.3", (
        Words("(107) at every G-var"), Words("(65) at every contracted one"), Words("(121)-(122) for all outputs"),
        Words("(96) = (100)"),
    ), Row((
        "lim (", Name("f", "t+1"), " − ", Name("f", "t"), ") = −", Name("χ", "t", accent="ring"), " ",
        Call(Name("K"), (_XI_TILDE, Name("ξ", "t"))),
    )), ("Always the last step.",)),
)  # fmt: skip
GROUPS = (
    ("Path sums", "rules-paths", PATHS),
    ("One unrolled step of SGD, and the induction", "rules-changes", CHANGES),
    ("The kernel and the conclusion", "rules-kernels", KERNELS),
)

__all__ = ["GROUPS", "Rule", "rules", "rules_section"]
