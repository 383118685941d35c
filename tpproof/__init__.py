"""tpproof: the proof checker and certificate generator for Tensor Programs.

The words of the network language (``embedding``, ``matrix``, ``tanh``, ``output`` …) and the tools around them
(``network``, ``load``, ``zoo``, ``prove``, ``check``). Everything is imported when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tpproof import zoo
    from tpproof.certificate.api import check, prove
    from tpproof.certificate.checking import Report
    from tpproof.certificate.model import Certificate
    from tpproof.errors import TpproofError
    from tpproof.language.network import Network, load, network
    from tpproof.limits import Limits
    from tpproof.numerics.crosscheck.crosscheck import crosscheck
    from tpproof.numerics.crosscheck.verdict.report import CrossCheck
    from tpproof.numerics.gram.kernel import Kernel, kernel_fn
    from tpproof.numerics.reduction.univariate import Callables
    from tpproof.program.model import Program

__version__ = "0.1.0"

_TOOLS = {
    "Certificate": "tpproof.certificate.model",
    "CrossCheck": "tpproof.numerics.crosscheck.verdict.report",
    "Limits": "tpproof.limits",
    "Network": "tpproof.language.network",
    "Program": "tpproof.program.model",
    "Report": "tpproof.certificate.checking",
    "TpproofError": "tpproof.errors",
    "Callables": "tpproof.numerics.reduction.univariate",
    "Kernel": "tpproof.numerics.gram.kernel",
    "check": "tpproof.certificate.api",
    "crosscheck": "tpproof.numerics.crosscheck.crosscheck",
    "kernel_fn": "tpproof.numerics.gram.kernel",
    "load": "tpproof.language.network",
    "network": "tpproof.language.network",
    "prove": "tpproof.certificate.api",
}

# fmt: off
__all__ = [  # noqa: RUF022 (tools; declarations; functions)
    "Callables", "Certificate", "CrossCheck", "Kernel", "Limits", "Network", "Program", "Report", "TpproofError",
    "check", "crosscheck", "kernel_fn", "load", "network", "prove", "zoo",
    "input", "embedding", "matrix", "bias", "readout", "output_bias", "nonlinearity",
    "ones", "zeros", "mean", "width", "softmax", "sum", "output",
    "identity", "tanh", "erf", "sin", "cos", "exp", "sigmoid", "softplus", "gelu", "silu",
    "relu", "leaky_relu", "abs", "sqrt", "step",
]
# fmt: on


def __getattr__(name: str) -> Any:
    if name == "zoo":
        return import_module("tpproof.zoo")
    if name in _TOOLS:
        return getattr(import_module(_TOOLS[name]), name)
    if name in __all__:
        tracing = import_module("tpproof.language.tracing")
        return (tracing.DECLARATIONS | tracing.KNOWN_FUNCTIONS)[name]
    raise AttributeError(f"module 'tpproof' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
