"""The two printers: Jinja2 templates over one document model."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tpproof.documents.formula import Formula, to_latex, to_mathml
from tpproof.documents.model import document

PREMISES_SHOWN = 12


class Tex(str):
    """Text that is LaTeX already."""


_TEX_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "⊤": r"$\top$", "⁺": r"$^{+}$", "₀": r"$_{0}$",
    "→": r"$\to$", "∞": r"$\infty$", "−": "$-$", "–": "--", "≅": r"$\cong$", "⟨": r"$\langle$", "⟩": r"$\rangle$",
    "Σ": r"$\Sigma$", "∂": r"$\partial$", "·": r"$\cdot$", "²": r"$^{2}$", "ᵀ": r"$^{\top}$", "ã": r"$\tilde{a}$",
    "ε": r"$\varepsilon$", "≡": r"$\equiv$", "…": r"\dots{}", "≤": r"$\le$", "≥": r"$\ge$", "′": "'", "√": r"$\sqrt{}$",
    "̂": r"\^{}", "Ẑ": r"$\hat{Z}$", "Ż": r"$\dot{Z}$", "“": "``", "”": "''", "⊙": r"$\odot$",
    "ĝ": r"$\hat{g}$",
}  # fmt: skip
_TEX_GREEK = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "η": "eta", "θ": "theta", "κ": "kappa", "λ": "lambda",
    "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "varphi", "χ": "chi",
    "ψ": "psi", "ω": "omega",
}  # fmt: skip


def tex_escape(text: object) -> str:
    """Any text as LaTeX text: nothing of it is a command."""
    if isinstance(text, Tex):
        return text
    parts = []
    for character in str(text):
        if character in _TEX_SPECIAL:
            parts.append(_TEX_SPECIAL[character])
        elif character in _TEX_GREEK:
            parts.append(f"$\\{_TEX_GREEK[character]}$")
        elif (character.isascii() and character.isprintable()) or character == "\n":
            parts.append(character)
        else:
            parts.append(f"[U+{ord(character):04X}]")
    return "".join(parts)


def _tex_formula(formula: Formula) -> Tex:
    return Tex(f"${to_latex(formula)}$")


def _mathml(formula: Formula) -> Markup:
    return Markup(to_mathml(formula))  # every name in it is escaped by the printer


def _premises(step: Any) -> tuple[tuple[int, ...], int]:
    return step.premises[:PREMISES_SHOWN], max(0, len(step.premises) - PREMISES_SHOWN)


@lru_cache(maxsize=1)
def _html_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"formula": _mathml, "premises": _premises}
    return environment


@lru_cache(maxsize=1)
def _latex_environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=False, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, block_start_string="<%", block_end_string="%>", variable_start_string="<<",
        variable_end_string=">>", comment_start_string="<#", comment_end_string="#>", finalize=tex_escape,
    )  # fmt: skip
    environment.filters |= {"formula": _tex_formula, "premises": _premises}
    return environment


def html(data: dict[str, Any]) -> str:
    """The page."""
    return _html_environment().get_template("proof.html").render(doc=document(data))


def latex(data: dict[str, Any]) -> str:
    """The article."""
    return _latex_environment().get_template("proof.tex").render(doc=document(data))
