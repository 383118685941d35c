"""The paper's printer: LaTeX that arXiv compiles and converts."""

from tpproof.documents.latex.printer import article, bibliography, fragment, preamble

__all__ = ["article", "bibliography", "fragment", "preamble"]
