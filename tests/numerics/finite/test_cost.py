"""What one wide network costs, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json
import numpy as np
from tpproof.language.source import load
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels

def peak():
    # of this program: getrusage counts what the process was before it became Python
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

program = load("zoo:mlp")
x = np.random.default_rng(0).standard_normal((2, 5))
empirical_kernels(FiniteNetwork(program, Space(10)), x)
before = peak()
empirical_kernels(FiniteNetwork(program, Space(10**6)), x)
print(json.dumps([before, peak()]))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems tell it elsewhere")
def test_the_ntk_of_three_layers_takes_less_than_25_vectors_so_that_width_1e7_fits_in_2_gib() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=root, check=True)
    before, after = json.loads(done.stdout)
    vectors = (after - before) / (8 * 10**6)
    assert 14 < vectors < 25
    assert before + 25 * 8 * 10**7 < 2 * 2**30
