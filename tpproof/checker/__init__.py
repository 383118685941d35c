"""The independent checker of tpproof certificates.

It imports the Python standard library and itself, nothing else, and decides every step by its own computation from
the network. Read it in this order: :mod:`.limits`, :mod:`.report`, :mod:`.strict_json`, :mod:`.network`,
:mod:`.ledger`, :mod:`.rules`, :mod:`.checker`.
"""

from .checker import check_bytes
from .report import Rejection, Report

__all__ = ["Rejection", "Report", "check_bytes"]
