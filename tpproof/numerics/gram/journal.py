"""What a run that was cut short leaves behind: a journal of the blocks that are on disk.

It stands in a working folder beside the result, with a lock, which goes when the result is there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from tpproof.numerics.workers.journal import parsed, write

JOURNAL = "journal.jsonl"
ERRORS = "errors.jsonl"
"""What `tpproof.numerics.gram.watched` keeps of the errors of blocks."""


def journalled(folder: Path, header: Mapping[str, Any]) -> set[tuple[int, int]] | None:
    """The blocks that an earlier run of the same computation has finished; None when there was no such run.

    A damaged line stands for a block that is computed again.
    """
    try:
        lines = (folder / JOURNAL).read_bytes().split(b"\n")
    except OSError:
        return None
    if parsed(lines[0]) != json.loads(json.dumps(header)):
        return None
    found = set()
    for line in lines[1:]:
        match parsed(line):
            case {"block": [int(i), int(j)], **rest} if not rest:
                found.add((i, j))
    return found


def record(file: IO[bytes], key: tuple[int, int]) -> None:
    """Block `key` is on disk. So is this line when the call returns."""
    write(file, {"block": list(key)})
