"""The shipped certificates, made from the zoo: ``python -m tpproof.cli.certificates FOLDER``."""

from __future__ import annotations

import sys

from tpproof import zoo
from tpproof.cli import status
from tpproof.cli.main import main


def write_all(folder: str) -> int:
    """Prove every network of the zoo and write its files; the worst exit status, a refusal being one of its answers."""
    done = []
    for name in zoo.names():
        arguments = ["prove", f"zoo:{name}", "--out", folder, "--quiet", "--allow-conditional"]
        done.append(main.main(args=arguments, prog_name="tpproof", standalone_mode=False))
    return status.worst(s for s in done if s != status.NOTHING_CLAIMED)


if __name__ == "__main__":
    sys.exit(write_all(sys.argv[1]))
