"""The example notebook shows what today's code answers."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parent.parent / "docs" / "example.ipynb"


def shown(notebook: Any) -> list[tuple[str, list[Any]]]:
    """Every cell with what a reader sees below it; what runs say to standard error is no answer."""
    return [(cell.source, [_output(o) for o in cell.get("outputs", []) if not _aside(o)]) for cell in notebook.cells]


def _aside(output: Any) -> bool:
    return bool(output.get("name") == "stderr")


def _output(output: Any) -> Any:
    assert output.output_type != "error", output.get("evalue")
    return output["text"] if output.output_type == "stream" else dict(output["data"])


@pytest.mark.slow
def test_executed_again_it_shows_the_same() -> None:
    stored = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(stored)
    again = copy.deepcopy(stored)
    NotebookClient(again, timeout=300, kernel_name="python3").execute()
    before, after = shown(stored), shown(again)
    assert any(outputs for _, outputs in before)
    for (source, old), (_, new) in zip(before, after, strict=True):
        assert old == new, f"{source}\n: run make notebook"
