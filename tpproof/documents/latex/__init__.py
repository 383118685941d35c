"""The paper's printer: LaTeX that arXiv compiles and converts."""

from tpproof.documents.latex.labels import prefix
from tpproof.documents.latex.printer import article, bibliography, fragment, pdf, preamble

__all__ = ["article", "bibliography", "fragment", "pdf", "preamble", "prefix"]
