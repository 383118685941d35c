"""The page docs/prediction.md does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "prediction.md"


def test_the_python_of_the_page_runs_and_writes_its_figures(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    script = tmp_path / "page.py"
    script.write_text("\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)))
    ran = subprocess.run([sys.executable, script.name], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert {p.name for p in tmp_path.iterdir()} >= {"loss.svg", "trajectories.svg", "kernels.png", "function.svg"}
