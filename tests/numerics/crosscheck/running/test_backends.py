"""A GPU where there is one, a line where there is none, an error where it was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.running import backends
from tpproof.numerics.crosscheck.running.backends import chosen_backend


@pytest.mark.parametrize(
    ("there", "asked", "means", "lines"),
    [(False, "auto", "numpy", 1), (True, "auto", "cupy", 0), (False, "numpy", "numpy", 0), (True, "cupy", "cupy", 0)],
)
def test_auto_falls_back_to_numpy_with_one_line(
    there: bool, asked: str, means: str, lines: int, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(backends, "has_gpu", lambda: there)
    assert chosen_backend(asked) == means
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == lines


@pytest.mark.parametrize(("asked", "code"), [("cupy", "E141"), ("numba", "E142")])
def test_what_is_not_there_is_refused(asked: str, code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "has_gpu", lambda: False)
    with pytest.raises(TpproofError) as caught:
        chosen_backend(asked)
    assert caught.value.code == code
