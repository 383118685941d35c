"""The independent checker of tpproof certificates: standard library only, every step decided by its own computation."""
# Read it in this order: limits, report, strict_json, network, ledger, symmetry, rules, checker.

from .checker import check_bytes
from .report import Rejection, Report

__all__ = ["Rejection", "Report", "check_bytes"]
