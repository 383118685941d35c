"""What work at a worker gives: values, or an error as its texts, which travel where exceptions of ours do not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tpproof import __version__
from tpproof.errors import CODES, TpproofError


def guarded(version: str, work: Callable[[], Any]) -> dict[str, Any]:
    """What work at a worker gives, ``{"values": …}``: errors of ours travel as their texts."""
    try:
        if version != __version__:
            raise TpproofError("E155", f"a worker has tpproof {__version__}", f"tpproof {version}")
        return {"values": work()}
    except MemoryError as error:  # CuPy's is one too
        found = f"memory ran out ({str(error)[:200] or type(error).__name__})"
        return {"error": ("E104", found, "a smaller width, fewer inputs, float32, or fewer workers")}
    except TpproofError as error:
        return {"error": (error.code, error.found, error.expected)}


def unpacked(outcome: Mapping[str, Any]) -> Any:
    """The values that `guarded` has packed. Raises the error that it has packed instead."""
    if "error" in outcome:
        code, found, expected = outcome["error"]
        raise TpproofError(code if code in CODES else "E155", found, expected)
    return outcome["values"]
