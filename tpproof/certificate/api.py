"""`prove` and `check` for Python users."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tpproof.certificate.checking import Report, check_bytes
from tpproof.certificate.model import Certificate
from tpproof.certificate.write import certificate_of
from tpproof.errors import TpproofError
from tpproof.limits import DEFAULT, Limits
from tpproof.program.canonical import sha256
from tpproof.program.model import Program
from tpproof.proof.prove import prove as prove_program


class HasProgram(Protocol):
    """Anything that carries a program: a traced or loaded network."""

    @property
    def program(self) -> Program: ...


def _program(net: Program | HasProgram) -> Program:
    if isinstance(net, Program):
        return net
    program = getattr(net, "program", None)
    if not isinstance(program, Program):
        expected = "a network: one made with @network, by load(…) or of the zoo"
        raise TpproofError("E142", repr(net)[:80], expected)
    return program


def prove(
    net: Program | HasProgram,
    *,
    name: str | None = None,
    limits: Limits = DEFAULT,
    progress: Callable[[str], None] | None = None,
) -> Certificate:
    """Prove a network and return its certificate, which nobody has checked yet: see `check`.

    Parameters
    ----------
    net
        A program, or a network made by tracing or loading.
    name
        Recorded beside the proof.
    limits
        Bounds on the run.
    progress
        Called with the name of each stage as it begins.

    Raises
    ------
    TpproofError
        E104 when a limit is reached.
    """
    return certificate_of(prove_program(_program(net), limits, progress), name)


def check(
    certificate: Certificate | bytes,
    network: Program | HasProgram | None = None,
    *,
    as_stated: bool = False,
    allow_conditional: bool = False,
) -> Report:
    """Run the independent checker in a fresh process on the certificate's bytes.

    Parameters
    ----------
    certificate
        A certificate or the bytes of one.
    network
        The network that it has to be about; without it the best answer is accepted-as-stated.
    as_stated
        Accept a certificate that is right about the network inside it.
    allow_conditional
        Accept a conditional verdict as one.
    """
    if not isinstance(certificate, bytes | Certificate):
        raise TpproofError("E142", repr(certificate)[:80], "a certificate, or the bytes of one: Path(…).read_bytes()")
    content = certificate if isinstance(certificate, bytes) else certificate.to_json()
    digest = sha256(_program(network)) if network is not None else None
    return check_bytes(content, digest, as_stated=as_stated, allow_conditional=allow_conditional)
