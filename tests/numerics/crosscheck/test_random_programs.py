"""Any program that is proved agrees with its networks in every quantity, or nothing is claimed.

What was found here were weights that networks do not have: ‖Wh‖²/‖h‖² of a contracted product is not σ².
"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, note, settings
from hypothesis import given as for_all

from tests.strategies import programs
from tpproof.errors import TpproofError
from tpproof.numerics.crosscheck.crosscheck import against, expected
from tpproof.numerics.crosscheck.verdict.statistics import Verdict
from tpproof.program.model import Program
from tpproof.proof.prove import prove

pytestmark = pytest.mark.slow


def said_of(program: Program) -> Verdict | None:
    """By a few small networks; an abstract nonlinearity has no networks, and a large limit no samples: None."""
    proof = prove(program)
    if program.functions or proof.execution is None:
        return None
    try:
        check = against(expected(proof), widths=(512, 4096), samples=20, workers=1, backend="numpy")
    except TpproofError as error:
        note(str(error))
        assert error.code in ("E104", "E150", "E152", "E158")
        return None
    note(check.to_text())
    return check.verdict


ONCE = settings(
    max_examples=25,
    derandomize=True,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("transposes", [False, True])
def test_programs_agree(transposes: bool) -> None:
    verdicts: Counter[Verdict | None] = Counter()

    @ONCE
    @for_all(programs(transposes=transposes))
    def one(program: Program) -> None:
        verdict = said_of(program)
        verdicts[verdict] += 1
        assert verdict is not Verdict.DISAGREES

    one()
    assert verdicts[Verdict.AGREES] > 5
