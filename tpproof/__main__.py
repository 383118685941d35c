"""``python -m tpproof`` is the command line."""

from tpproof.cli.main import run

if __name__ == "__main__":
    run()
