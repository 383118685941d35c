"""Limit variables: Definition B.3 for this program."""

from __future__ import annotations

from tpproof.documents.blocks import Block, Cite, Display, Inlines, Line, Paragraph, Ref, Section
from tpproof.documents.derivation.names import Names
from tpproof.documents.derivation.reading import Reading
from tpproof.documents.formula import Formula, Limit, Mean, Name, Power, Product, Quotient, Row, product
from tpproof.documents.vocabulary import constant
from tpproof.program.model import Kind, Parameter

PARAMETERS_SHOWN = 12


def limit(r: Reading) -> Section:
    """What the vectors become, rule by rule."""
    blocks: list[Block] = [
        Paragraph(
            (
                "Every vector y has a random variable ", Limit(Name("y")), ", the limit law of its coordinates, and "
                "every scalar θ a number ", Name("θ", accent="ring"), " (", Cite("Definition B.3"), "). By the "
                "Master Theorem (",
                Cite("Theorem B.4"), ") averages over coordinates converge almost surely to the expectations of these.",
            )
        ),
        *_initial(r),
        *_hats(r),
        _functions(r),
        Paragraph(_dot(r)),
        Paragraph(
            (
                "Training moves coordinates by O(1/√n), so ", Limit(Name("y", "t")), " = ", Limit(Name("y", "0")),
                " and ", Limit(Name("y", "t"), "d"), " = ", Limit(Name("y", "0"), "d"), " at every step ",
                Cite("(94)"), ": we drop t. Flipping the sign of the readouts, with the loss derivatives as they "
                "are, flips every error signal and every change and no forward vector. So the former are linear in odd "
                "Gaussians, with coefficients that are functions of even ones, and expectations below are taken apart "
                "accordingly. The covariances that the kernel needs are written out in ", Ref("kernel"), "; others "
                "follow by the same rules.",
            )
        ),
    ]  # fmt: skip
    return Section(("Limit variables",), "limit", tuple(blocks))


def _initial(r: Reading) -> list[Block]:
    lines = [line for p, parameter in enumerate(r.program.parameters) for line in _law(r.names, p, parameter)]
    text = (
        "Initial vectors are centred Gaussians, independent between parameters (ZInit); ξ and ξ' are any two inputs, "
        "the test input among them, and a vector parameter is the same variable in both runs:"
    )
    more: list[Block] = []
    if len(lines) > PARAMETERS_SHOWN:
        more = [Paragraph(("and likewise for the other parameters in ", Ref("declarations"), "."))]
    return [Paragraph((text,)), Display(tuple(lines[:PARAMETERS_SHOWN]), "initial"), *more] if lines else []


def _law(names: Names, p: int, parameter: Parameter) -> list[Line]:
    name, variance = names.parameter(p), names.law("σ", p)
    value = constant(names.law_value("sigma2", p))
    if parameter.kind == "embedding":
        at = [Limit(Row((name, x))) for x in (Name("ξ"), Name("ξ'"))]
        gram: Formula = Quotient(Row((Name("ξ"), "ᵀ", Name("ξ'"))), Name("d"))
        return [Line(Mean(Product(tuple(at))), "=", product([variance, gram]), _equal(variance, value))]
    if parameter.kind in ("bias", "readout"):
        return [Line(Mean(Power(Limit(name), "2")), "=", variance, _equal(variance, value))]
    return []


def _equal(variance: Formula, value: Formula) -> Inlines:
    return (variance, " = ", value)


def _hats(r: Reading) -> list[Block]:
    used = sorted({node.data for node in r.program.nodes if node.op == "matmul"})
    if not used:
        return []
    x, y = Name("x"), Name("y")
    lines = []
    for p, transposed in used[:PARAMETERS_SHOWN]:
        matrix: Formula = r.names.parameter(p)
        matrix = Row((matrix, "ᵀ")) if transposed else matrix
        hats = tuple(Limit(Row((matrix, z)), "", "hat") for z in (x, y))
        variance = r.names.law("σ", p, int(transposed))
        moment = Mean(Product((Limit(x), Limit(y))))
        value = constant(r.program.parameters[p].variance(transposed))
        lines.append(Line(Mean(Product(hats)), "=", product([variance, moment]), _equal(variance, value)))
    text = Paragraph(
        (
            "A product with a matrix is ", Limit(Row((Name("W"), x))), " = ", Limit(Row((Name("W"), x)), "", "hat"),
            " + ",
            Limit(Row((Name("W"), x)), "", "dot"), ". The first part is a centred Gaussian, independent of initial "
            "vectors and of the other matrices' (ZHat, ", Cite("(64)"), "); a matrix and its transpose count as two:",
        )
    )  # fmt: skip
    return [text, Display(tuple(lines), "hats", "(64)")]


def _functions(r: Reading) -> Block:
    scalars = any(kind is Kind.SCALAR for kind in r.program.kinds)
    moments: Inlines = (
        ", and a Moment becomes an expectation (ZMoment, ", Cite("(63)"), "), a number that does not move at this "
        "order",
    ) if scalars else ()  # fmt: skip
    return Paragraph(
        ("A NonLin is applied to the limits of what it reads (ZNonLin, ", Cite("(62)"), ")", *moments, ".")
    )


def _dot(r: Reading) -> Inlines:
    if r.contracted:
        g = r.of("contract")[0]["conclusion"][1]
        return (
            "The second part, ZDot ", Cite("(65)"), ", does not vanish in the forward pass of this network: see ",
            Ref("contraction"), ". Below, ", r.names.vector(~g), " is such a vector without it: its limit is ",
            Limit(r.names.vector(g), "", "hat"), ".",
        )  # fmt: skip
    return (
        "The second part, ZDot ", Cite("(65)"), ", sums over products with the transposed matrix that come before. "
        "In the forward pass there is none that x depends on (A2), so there it vanishes; it is what the inductive "
        "step computes for the changes.",
    )  # fmt: skip
