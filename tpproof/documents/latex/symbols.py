"""Characters beyond ASCII that LaTeX has commands for. Every other one is printed as its code point."""

from __future__ import annotations

from tpproof.documents.formula import GREEK

_GREEK = {letter: f"\\{name}" for name, letter in GREEK.items()}

MATH: dict[str, str] = {
    **_GREEK, "ε": r"\varepsilon", "φ": r"\varphi", "ϕ": r"\phi", "ζ": r"\zeta", "ι": r"\iota", "ο": "o",
    "υ": r"\upsilon", "ϵ": r"\epsilon", "ϑ": r"\vartheta", "ς": r"\varsigma",
    "Γ": r"\Gamma", "Δ": r"\Delta", "Θ": r"\Theta", "Λ": r"\Lambda", "Ξ": r"\Xi", "Π": r"\Pi", "Σ": r"\Sigma",
    "Φ": r"\Phi", "Ψ": r"\Psi", "Ω": r"\Omega", "Υ": r"\Upsilon",
    "⊤": r"\top", "⊥": r"\bot", "⊢": r"\vdash", "∞": r"\infty", "∂": r"\partial", "∇": r"\nabla",
    "∑": r"\textstyle\sum", "∏": r"\textstyle\prod", "∫": r"\textstyle\int",
    "√": r"\surd", "ℓ": r"\ell", "∅": r"\emptyset",
    "ℝ": r"\mathbb{R}", "ℕ": r"\mathbb{N}", "ℤ": r"\mathbb{Z}", "𝔼": r"\mathbb{E}", "ℙ": r"\mathbb{P}",
    "𝒩": r"\mathcal{N}",
    "→": r"\to", "←": r"\leftarrow", "↔": r"\leftrightarrow", "⇒": r"\Rightarrow", "⇔": r"\Leftrightarrow",
    "↦": r"\mapsto",
    "−": "-", "±": r"\pm", "×": r"\times", "÷": r"\div", "·": r"\cdot", "⋅": r"\cdot", "∘": r"\circ", "⊙": r"\odot",
    "⊗": r"\otimes", "⊕": r"\oplus", "∗": r"\ast", "⁄": "/", "∣": r"\mid", "‖": r"\|",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "≡": r"\equiv", "≅": r"\cong", "≈": r"\approx", "∼": r"\sim",
    "∝": r"\propto",
    "∈": r"\in", "∉": r"\notin", "∋": r"\ni", "⊂": r"\subset", "⊆": r"\subseteq", "∪": r"\cup", "∩": r"\cap",
    "∀": r"\forall", "∃": r"\exists", "¬": r"\neg", "∧": r"\wedge", "∨": r"\vee",
    "⟨": r"\langle", "⟩": r"\rangle", "⌊": r"\lfloor", "⌋": r"\rfloor", "⌈": r"\lceil", "⌉": r"\rceil",
    "≔": ":=", "≪": r"\ll", "≫": r"\gg", "⋯": r"\cdots", "⋮": r"\vdots",
    "′": r"{{}^{\prime}}", "″": r"{{}^{\prime\prime}}", "†": r"\dagger",
    "□": r"\square", "∎": r"\blacksquare", "✓": r"\checkmark", "✔": r"\checkmark", "✗": r"\times", "✘": r"\times",
    "►": r"\triangleright", "▸": r"\triangleright", "°": r"{{}^{\circ}}",
    "½": r"\tfrac12", "¼": r"\tfrac14", "¾": r"\tfrac34",
    "⁺": "{{}^{+}}", "⁻": "{{}^{-}}", "ᵀ": r"{{}^{\top}}", "ⁿ": "{{}^{n}}", "ᵗ": "{{}^{t}}",
    **{c: f"{{{{}}^{{{k}}}}}" for k, c in enumerate("⁰¹²³⁴⁵⁶⁷⁸⁹")},
    **{c: f"{{{{}}_{{{k}}}}}" for k, c in enumerate("₀₁₂₃₄₅₆₇₈₉")},
    **{c: f"{{{{}}_{{{k}}}}}" for c, k in zip("ᵢⱼₖₙₜₚ", "ijkntp", strict=True)},
}  # fmt: skip
"""For math mode; what is raised or lowered is a group, so that something may be raised behind it."""

TEXT: dict[str, str] = {
    "“": "``", "”": "''", "„": "``", "‘": "`", "’": "'", "–": "--", "—": "---", "‐": "-", "‑": "-", "…": r"\dots{}",
    "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}", "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}",
    "Ł": r"\L{}", "ı": r"\i{}", "§": r"\S{}", "¶": r"\P{}", "©": r"\copyright{}", "£": r"\pounds{}",
    "\u00a0": "~", "\u2009": r"\,", "\u202f": r"\,",
}  # fmt: skip
"""For text."""

TEXT_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u", "\u0307": ".",
    "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
MATH_ACCENTS = {
    "\u0300": "grave", "\u0301": "acute", "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0306": "breve",
    "\u0307": "dot", "\u0308": "ddot", "\u030a": "mathring", "\u030c": "check",
}  # fmt: skip
