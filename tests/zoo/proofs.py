"""Networks of the zoo with other constants, proved and checked in this process."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from tpproof import zoo
from tpproof.certificate.model import Certificate
from tpproof.certificate.write import certificate_of
from tpproof.checker import check_bytes
from tpproof.documents.kernel import kernel_expression
from tpproof.language.source import load
from tpproof.program.canonical import sha256
from tpproof.program.model import Program
from tpproof.proof.prove import prove


def constants(name: str) -> list[str]:
    """The names that the first lines of a text assign, up to the first empty one."""
    head = zoo.text(name).partition("\n\n")[0].partition("\nassert ")[0]
    return re.findall(r"^(\w+) *= ", head, re.MULTILINE)


@cache
def program(name: str, **constants: str) -> Program:
    """`zoo:NAME` with `-D` constants."""
    return load(f"zoo:{name}", constants)


@cache
def certificate(net: Program) -> Certificate:
    """Of a network, after the checker has accepted its bytes (or declined those of a refused one)."""
    made = certificate_of(prove(net))
    report = check_bytes(made.to_json(), sha256(net), allow_conditional=True)
    assert report.verdict == ("declined" if made.verdict == "refused" else "accepted"), report.errors
    return made


def verdict(name: str, **constants: str) -> str:
    """What is proved about `zoo:NAME` with `-D` constants."""
    return certificate(program(name, **constants)).verdict


def kernel(net: Program, o: int = 0, p: int = 0) -> Any:
    """K_op as a SymPy polynomial in atoms, written out."""
    return kernel_expression(certificate(net).data, o, p).expand()
