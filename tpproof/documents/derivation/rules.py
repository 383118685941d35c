"""The rules of the certificate as inference figures, with how often each is used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tpproof.documents.blocks import Block, Inference, Inlines, Paragraph, Section
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import (
    Call,
    Derivative,
    Formula,
    Limit,
    Mean,
    Name,
    Product,
    Quotient,
    Row,
)

# vectors at ξ̃ have a tilde; g = Wh and k = Wy are uses of one matrix
G, H, X, A = (Name(text, tilde=True) for text in ("g", "h", "x", "a"))
AI = Name("a", "i", tilde=True)
K, Y, B, BJ = Name("k"), Name("y"), Name("b"), Name("b", "j")
KAPPA, SIGMA, SIGMA_V, KAPPA_V = Name("κ"), Name("σ", above="2"), Name("σ", "v", above="2"), Name("κ", "v")
CHI = Name("χ", accent="ring")
GRAM = Quotient(Row((Name("ξ", tilde=True), "ᵀ", Name("ξ"))), Name("d"))


@dataclass(frozen=True)
class Rule:
    """From premises to a conclusion, and when."""

    premises: tuple[Formula, ...]
    conclusion: Formula
    condition: str


def _q(symbol: str, a: Formula, b: Formula) -> Formula:
    return Call(Name(symbol), (a, b))


def _row(*parts: Formula | str) -> Formula:
    return Row(parts)


def _moment(a: Formula, b: Formula) -> Formula:
    return Mean(Product((Limit(a), Limit(b))))


def _slopes(x: Formula, a: Formula, y: Formula, b: Formula) -> Formula:
    return Mean(Product((Derivative(Limit(x), Limit(a)), Derivative(Limit(y), Limit(b)))))


def _sums(symbol: str) -> tuple[Rule, Rule, Rule, Rule]:
    """The four rules that C and J have in common: start, extend, linear, nonlin."""
    start = _row(_q(symbol, G, K), " = ", KAPPA, GRAM, " or ", KAPPA)
    extended = _row(_q(symbol, G, K), " = ", KAPPA, _moment(H, Y), " + ", SIGMA, _q(symbol, H, Y))
    weights = (Name("w", "i", tilde=True), Name("w", "j"))
    linear = _row(_q(symbol, A, B), " = Σ_i,j ", *weights, _q(symbol, AI, BJ))
    through = _row(_q(symbol, X, Y), " = Σ_i,j ", _slopes(X, AI, Y, BJ), _q(symbol, AI, BJ))
    return (
        Rule((), start, "g and k initial G-vars of one embedding, or of one vector parameter"),
        Rule((_q(symbol, H, Y),), extended, "g = Wh and k = Wy, or both with the transpose; no last term where h and "
        "y have no matrix in common"),
        Rule((_q(symbol, AI, BJ),), linear, "a or b a linear combination, with weights w; the other stays as it is "
        "if it is none"),
        Rule((_q(symbol, AI, BJ),), through, "x and y NonLins of the a_i and b_j; a G-var in their place stays as it "
        "is"),
    )  # fmt: skip


_C, _J = _sums("C"), _sums("J")
_CHANGE = _row(
    Limit(G, "δ"), " ≡ −", CHI, " Σ_k ", _q("C", G, K), Limit(K, "d"), " mod ", Limit(Row((Name("W"), "•")), "", "hat")
)
_STEP = _row("lim (", Name("f", "t+1"), " − ", Name("f", "t"), ") = −", CHI, Name("K"))

RULES = {
    "path-start": _C[0], "path-extend": _C[1], "path-linear": _C[2], "path-nonlin": _C[3],
    "update-initial": _J[0], "update-gvar": _J[1], "change-linear": _J[2], "change-nonlin": _J[3],
    "contract": Rule((), _row(Limit(Name("g"), "", "dot"), " = Σ_u ", SIGMA,
                              Mean(Derivative(Limit(Name("x")), Limit(Name("u"), "", "hat"))), Limit(Name("y", "u"))),
                     "g = Wx, over all u = Wᵀy_u that x depends on, or with W and Wᵀ exchanged"),
    "induction": Rule((_row(_q("J", G, K), " = ", _q("C", G, K)),), _CHANGE,
                      "k over all uses of the matrix of g; for a contracted g about its hat"),
    "backprop": Rule((_q("D", X, Y),), _row(_q("D", A, B), " = Σ_x,y ", Name("w"), _q("D", X, Y)),
                     "over all x and y whose C is a sum with the term w C(ã, b); σ² for what a readout reads"),
    "ntk": Rule((_q("D", G, K),), _row(Name("K"), " = Σ_g,k ", Name("S"), _q("D", G, K), " + ", KAPPA_V, _moment(X, X)),
                "S what C(g̃, k) starts with; the last term for readouts"),
    "path-sum": Rule((_q("C", X, X),), _row(Name("K"), " = ", KAPPA_V, _moment(X, X), " + ", SIGMA_V, _q("C", X, X)),
                     "x read by the readout v; summed over readouts, κ for an output bias"),
    "duality": Rule((Name("C"), Name("D")), _row("Σ ", Product((Name("S"), Name("D"))), " = Σ ",
                                                 Product((Name("R"), Name("C")))),
                    "every pair has its C and its D"),
    "limit": Rule((_row(_q("J", X, X), " = ", _q("C", X, X)),), _STEP, "the terms with J are those of K with C"),
    "listed": Rule((), _row(Name("p"), " ≅ ", Name("q")), "all pairs of paths, as many as the recursion counts"),
    "theorem": Rule((_CHANGE, _row("Σ ", Product((Name("S"), Name("D"))), " = Σ ", Product((Name("R"), Name("C")))),
    _STEP),
                    Row(("∎",)), "complete for the network"),
}  # fmt: skip


def rules(r: Reading) -> Section:
    """What each rule does, and how often it is used."""
    used = Counter(step["rule"] for step in r.steps)
    equations = {step["rule"]: step["equation"] for step in r.steps}
    blocks: list[Block] = [
        Paragraph(
            (
                "A tilde marks the run at ξ̃; what J stands for is in the base case. The rules of J have the same "
                "shape as those of C, and are checked by other code from the SGD update.",
            )
        )
    ]
    for name, rule in RULES.items():
        if name in used:
            times = "once" if used[name] == 1 else f"{used[name]} times"
            condition: Inlines = (f"{rule.condition}. Used {times}.",)
            figure = Inference(name, rule.premises, rule.conclusion, equations[name], condition, f"rule-{name}")
            blocks.append(figure)
    return Section(("The rules",), "rules", tuple(blocks))
