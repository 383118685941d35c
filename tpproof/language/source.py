"""From what a user names to a program: a `.tp` file, a canonical program, a certificate, `zoo:NAME`, or `-`."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from tpproof import zoo
from tpproof.errors import Place, TpproofError
from tpproof.language.interpreter import parse
from tpproof.language.syntax import closest
from tpproof.limits import DEFAULT, Limits
from tpproof.program.canonical import FORMAT, from_json
from tpproof.program.functions import FUNCTIONS
from tpproof.program.model import Program
from tpproof.program.replay import replay

CERTIFICATE_FORMAT = "tpproof-certificate"
STANDARD_INPUT = "-"
ZOO = "zoo:"


def load(
    source: str | Path,
    overrides: Mapping[str, str] | None = None,
    functions: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
) -> Program:
    """The program that `source` names.

    Parameters
    ----------
    source
        A path, ``zoo:NAME``, or ``-`` for standard input. Text or JSON is told by the content.
    overrides
        ``-D``: new values of the constants of a `.tp` text.
    functions
        ``--set``: known functions for abstract nonlinearities.
    limits
        Bounds on size.

    Raises
    ------
    TpproofError
        E100 when it cannot be read, E101–E131 when it is wrong, E106 for an override that fits nothing.
    """
    content, file, name = _read(str(source), limits)
    if content.lstrip()[:1] == b"{":
        if overrides:
            raise TpproofError("E106", f"-D {next(iter(overrides))} with {file}", "-D with a .tp text only")
        program = _from_json_bytes(content, file, limits, name)
    else:
        program = parse(_decoded(content, file), file, overrides, limits, name)
    return _with_functions(program, functions or {}, limits)


def _read(source: str, limits: Limits) -> tuple[bytes, str, str]:
    """The bytes, the name for messages, the name of the network."""
    if source.startswith(ZOO):
        name = source[len(ZOO) :]
        return zoo.text(name).encode(), f"{name}.tp", name
    if source == STANDARD_INPUT:
        content = sys.stdin.buffer.read(limits.json_bytes + 1)
        return _bounded(content, "standard input", limits), "<stdin>", "network"
    path = Path(source)
    try:
        if path.is_file() and path.stat().st_size > limits.json_bytes:
            _bounded(b" " * 0, source, limits, path.stat().st_size)
        with path.open("rb") as file:
            content = file.read(limits.json_bytes + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TpproofError("E100", f"{source[:200]}: {reason}", _EXPECTED, None, _similar(source)) from None
    stem = path.name.removesuffix(".cert.json").removesuffix(".json").removesuffix(".tp")
    return _bounded(content, source, limits), source, safe_name(stem)


_EXPECTED = "a .tp file, a .json program, a certificate, zoo:NAME, or - for standard input"


def safe_name(stem: str) -> str:
    """A network's name that is a safe file name too."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", stem).lstrip(".-")[:80] or "network"


def _similar(source: str) -> str | None:
    if source in zoo.names():
        return ZOO + source
    folder = Path(source).parent
    try:
        nearby = [str(p) for p in folder.iterdir() if p.suffix in (".tp", ".json")][:1000]
    except (OSError, ValueError):
        return None
    return closest(source, nearby)


def _bounded(content: bytes, source: str, limits: Limits, size: int | None = None) -> bytes:
    text = content.lstrip()[:1] != b"{" and size is None
    allowed = limits.source_bytes if text else limits.json_bytes
    if (size or len(content)) > allowed:
        raise TpproofError("E104", f"{source}: more than {allowed} bytes", f"at most {allowed}")
    return content


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found = f"byte 0x{content[error.start]:02x}, which is no UTF-8"
        raise TpproofError("E100", found, "UTF-8 text", Place(file, line, 1)) from None


def _from_json_bytes(content: bytes, file: str, limits: Limits, name: str) -> Program:
    data = _json(content, file)
    if isinstance(data, dict) and data.get("format") == CERTIFICATE_FORMAT:
        evidence = data.get("evidence")
        recorded = evidence.get("name") if isinstance(evidence, dict) else None
        name = safe_name(recorded) if isinstance(recorded, str) else name
        data = data.get("network")
    elif not isinstance(data, dict) or data.get("format") != FORMAT:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise TpproofError("E105", f"{file}: format {str(found)[:60]!r}", f"{FORMAT!r} or {CERTIFICATE_FORMAT!r}")
    try:
        return from_json(data, limits, name)
    except TpproofError as error:
        raise error.at(Place(file, 1, 1)) from None


def _json(content: bytes, file: str) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({key for key, _ in pairs}) < len(pairs):
            raise ValueError("an object with a key twice")
        return dict(pairs)

    def no_number(word: str) -> NoReturn:
        raise ValueError(f"the number {word}")

    try:
        return json.loads(content.decode(), object_pairs_hook=unique, parse_constant=no_number)
    except json.JSONDecodeError as error:
        raise TpproofError("E101", error.msg, "JSON", Place(file, error.lineno, error.colno)) from None
    except RecursionError:
        raise TpproofError("E104", f"{file}: JSON nested too deeply", "a program or a certificate") from None
    except ValueError as error:
        raise TpproofError("E101", f"{file}: {str(error)[:100]}", "strict JSON") from None


def _with_functions(program: Program, functions: Mapping[str, str], limits: Limits) -> Program:
    if not functions:
        return program
    declared = [name for name, _ in program.functions]
    known = [*FUNCTIONS, "identity"]
    for abstract, function in functions.items():
        if abstract not in declared:
            expected = f"a declared nonlinearity: {', '.join(declared) or 'the network has none'}"
            raise TpproofError("E106", f"--set {abstract}", expected, None, closest(abstract, declared))
        if function not in known:
            expected = f"a known function: {', '.join(known)}"
            found = f"--set {abstract}={function[:40]}"
            raise TpproofError("E103", found, expected, None, closest(function, known))
    return replay(program, limits, functions).program(program.name)
