"""What the pages of the zoo say."""

from __future__ import annotations

import tpproof as tp
from tpproof.documents.zoo.summary import summary
from tpproof.language.source import load
from tpproof.program.listing import listing


def test_widths_that_are_not_n_are_told() -> None:
    program = load("zoo:bottleneck", {"widths": "[1, 1/4, 2]"})
    declared = {name: numbers for _, name, numbers in summary(tp.prove(program).data).declarations}
    assert declared["W1"].endswith("rows 1/4")
    assert declared["W2"].endswith("rows 2, cols 1/4")
    assert "rows" not in declared["b0"]
    shapes = {line.split()[1]: line.split()[2] for line in listing(program).splitlines() if line.startswith("M")}
    assert shapes["W1"] == "(1/4)n×n"
    assert shapes["W2"] == "2n×(1/4)n"
