"""The certificate as an object: a JSON value, and what readers ask of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tpproof.program.canonical import canonical_bytes, from_json
from tpproof.program.model import Program

if TYPE_CHECKING:
    from tpproof.certificate.checking import Report
    from tpproof.documents.document import Length, Notation

FORMAT = "tpproof-certificate"
VERSION = 1
RULES = "tpproof-rules-1"


@dataclass(frozen=True, repr=False)
class Certificate:
    """What `prove` found, as it is written down. ``data`` is the JSON value (docs/certificate-format.md)."""

    data: dict[str, Any]

    @property
    def verdict(self) -> str:
        """proved, proved-by-execution, conditional, refused; or refuted (then it cannot be accepted)."""
        return str(self.data["verdict"])

    @property
    def assumptions(self) -> list[dict[str, Any]]:
        return list(self.data["assumptions"])

    @property
    def axioms(self) -> list[str]:
        return list(self.data["axioms"])

    @property
    def steps(self) -> list[dict[str, Any]]:
        return list(self.data["steps"])

    @property
    def symmetries(self) -> list[dict[str, Any]]:
        """Renamings under which a step stands for its images; none where every pair has a step of its own."""
        return list(self.data["symmetries"])

    @property
    def evidence(self) -> dict[str, Any]:
        """Name, version, path count, failures: outside the proof."""
        return dict(self.data["evidence"])

    def with_evidence(self, **entries: Any) -> Certificate:
        """The same certificate with more evidence, such as enclosures of numbers: JSON values without floats.

        Evidence stands outside the proof: the checker does not read it, and accepts the certificate as before.
        """
        return Certificate({**self.data, "evidence": {**self.data["evidence"], **entries}})

    @property
    def network_sha256(self) -> str:
        return str(self.data["network_sha256"])

    @cached_property
    def network(self) -> Program:
        """The embedded network."""
        return from_json(self.data["network"], name=str(self.evidence.get("name", "network")))

    @property
    def kernel(self) -> Any:
        """K(ξ̃, ξ) of the first output as a SymPy expression."""
        from tpproof.documents.kernel import kernel_expression

        return kernel_expression(self.data)

    def to_json(self) -> bytes:
        """The canonical bytes."""
        return canonical_bytes(self.data)

    def to_html(
        self,
        report: Report | None = None,
        *,
        length: Length | None = None,
        notation: Notation = "yang",
        templates: Path | None = None,
    ) -> str:
        """The page: one file, read without scripts, with this certificate inside.

        Parameters
        ----------
        report
            The independent checker's answer, which the page's verdict is; None: it is asked now, as stated.
        length
            "theorem", "derivation" or "audit" (None: the last).
        notation
            "yang", "jacot" or "lee".
        templates
            A folder whose ``html/*`` go before the templates of the same name that tpproof has.
        """
        from tpproof.documents.render import Renderer, Style

        answer = self.as_stated if report is None else report
        return Renderer(self.to_json(), answer, Style(length, notation, templates)).content_of("html").decode()

    def to_latex(
        self,
        report: Report | None = None,
        *,
        fragment: bool = False,
        length: Length | None = None,
        notation: Notation = "yang",
        templates: Path | None = None,
    ) -> str:
        r"""The paper: an article that compiles by itself, or the fragment of it that others can ``\input``.

        Parameters are those of `to_html`; the length is "derivation" where none is given.

        Raises
        ------
        TpproofError
            E177 where the checker does not accept this certificate: a paper says that it did.
        """
        from tpproof.documents.render import Renderer, Style

        answer = self.as_stated if report is None else report
        made = Renderer(self.to_json(), answer, Style(length, notation, templates))
        return made.content_of("fragment" if fragment else "tex").decode()

    @cached_property
    def as_stated(self) -> Report:
        """The independent checker's answer on these bytes, about the network inside them."""
        from tpproof.certificate.api import check

        return check(self, as_stated=True, allow_conditional=True)

    def __repr__(self) -> str:
        name = str(self.evidence.get("name", "network"))[:80]
        return f"<Certificate of {name!r}: {self.verdict}, {len(self.data['steps'])} steps>"

    def _repr_html_(self) -> str:
        from tpproof.documents.render import Renderer

        return Renderer(self.to_json(), self.as_stated).summary()

    def _repr_latex_(self) -> str:
        from tpproof.documents.kernel import kernel_latex

        return f"${kernel_latex(self.data)}$"
