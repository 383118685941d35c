"""The rules of the house that imports and sizes can show."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "tpproof"
FILES = sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The absolute names of everything that a file imports."""
    return imports_of(path.read_text(), ["tpproof", *path.relative_to(PACKAGE).parts[:-1]])


def imports_of(text: str, package: list[str]) -> set[str]:
    """The absolute names of everything that a text imports, inside functions and relative ones too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            found.update(f"{module}.{alias.name}" for alias in node.names)
    return found


def room(name: str) -> list[Path]:
    return [path for path in FILES if path.relative_to(PACKAGE).parts[0] == name]


def crossings(source: str, target: str) -> list[str]:
    """Imports of room `target` in room `source`."""
    return [f"{p.name}: {m}" for p in room(source) for m in imported(p) if m.startswith(f"tpproof.{target}.")]


@pytest.mark.parametrize(("source", "target"), [("limit", "paths"), ("paths", "limit")])
def test_the_two_sides_do_not_know_each_other(source: str, target: str) -> None:
    assert room(source)
    assert crossings(source, target) == []


CROSSCHECK = PACKAGE / "numerics" / "crosscheck"


@pytest.mark.parametrize("path", sorted((CROSSCHECK / "measured").glob("*.py")), ids=lambda p: p.stem)
def test_finite_networks_are_measured_without_the_limit(path: Path) -> None:
    allowed = ("program.model.", "program.constants.", "errors.", "numerics.finite.", "numerics.crosscheck.quantities.",
               "numerics.crosscheck.measured.")  # fmt: skip
    own = {m.removeprefix("tpproof.") for m in imported(path) if m.startswith("tpproof.")}
    assert [m for m in own if not m.startswith(allowed)] == []


@pytest.mark.parametrize("path", sorted((CROSSCHECK / "expected").glob("*.py")), ids=lambda p: p.stem)
def test_the_limit_is_evaluated_without_finite_networks(path: Path) -> None:
    others = [f"tpproof.numerics.crosscheck.{room}" for room in ("measured", "verdict", "running")]
    forbidden = ("tpproof.numerics.finite", *others)
    assert [m for m in imported(path) if m.startswith(forbidden)] == []


@pytest.mark.parametrize("path", sorted((CROSSCHECK / "verdict").glob("*.py")), ids=lambda p: p.stem)
def test_a_verdict_knows_numbers_and_neither_side(path: Path) -> None:
    others = [f"tpproof.numerics.crosscheck.{room}" for room in ("expected", "measured", "running")]
    forbidden = ("tpproof.numerics.finite", "tpproof.numerics.sampling", "tpproof.proof", "tpproof.limit.", *others)
    assert [m for m in imported(path) if m.startswith(forbidden)] == []


def test_the_checker_imports_the_standard_library_and_itself() -> None:
    assert len(room("checker")) > 3
    for path in room("checker"):
        for module in imported(path):
            own = module.startswith("tpproof.checker.")
            assert own or module.split(".")[0] in sys.stdlib_module_names, f"{path.name}: {module}"


def test_the_checker_is_small() -> None:
    lines = [line for path in room("checker") for line in path.read_text().splitlines()]
    assert len([line for line in lines if not re.match(r"\s*(#.*)?$", line)]) <= 800


ABOVE = {  # arrows go down only: a room never imports one above it
    "program": ("language", "limit", "paths", "proof", "numerics", "certificate", "documents", "cli"),
    "language": ("limit", "paths", "proof", "numerics", "certificate", "documents", "cli"),
    "limit": ("language", "proof", "numerics", "certificate", "documents", "cli"),
    "paths": ("language", "proof", "numerics", "certificate", "documents", "cli"),
    "proof": ("language", "numerics", "certificate", "documents", "cli"),
    "numerics": ("language", "certificate", "documents", "cli"),
    "documents": ("language", "limit", "paths", "numerics", "cli"),
    "certificate": ("language", "numerics", "cli"),
}


@pytest.mark.parametrize(("source", "target"), [(s, t) for s, targets in ABOVE.items() for t in targets])
def test_arrows_go_down(source: str, target: str) -> None:
    assert crossings(source, target) == []


def test_nobody_imports_the_checker_it_is_run() -> None:
    users = [p for p in FILES if p.parent.name != "checker" and any("tpproof.checker" in m for m in imported(p))]
    assert users == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_file_holds_two_ideas_or_runs_strangers_text(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= 400
    calls = {n.func.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not calls & {"eval", "exec", "compile", "__import__", "sympify", "parse_expr"}
    assert "pickle" not in {module.split(".")[0] for module in imported(path)}


def test_a_forbidden_import_would_be_seen_wherever_it_hides() -> None:
    text = "def f():\n    from ..paths.graph import C\n    import sympy.core\n    from .law import J\n"
    assert imports_of(text, ["tpproof", "limit"]) == {"tpproof.paths.graph.C", "sympy.core", "tpproof.limit.law.J"}
