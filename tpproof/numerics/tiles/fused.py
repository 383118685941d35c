"""Fused elementwise kernels for CuPy: one launch where plain array operations would take ten, and as many temporaries.

They say in C what arrays.py says. Wherever the namespace is not CuPy, or the numbers are not float64, `fused` returns
None and arrays.py runs its plain operations.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

PREAMBLE = """
#define TURN 0.15915494309189535
__device__ double lune(double t) {  // sin t - t cos t; for small t its series, each term from the one before
    if (t > 0.7) return sin(t) - t * cos(t);
    double u = t * t, sum = 0.0, term = 1.0 / 3.0;
    for (int k = 1; k < 15; ++k) { sum += term; term *= -u / (2.0 * k * (2.0 * k + 3.0)); }
    return t * u * sum;
}
"""
KERNELS: dict[str, tuple[str, str, str]] = {
    "arc": (
        "float64 cosine, float64 scale",
        "float64 value, float64 slope",
        "double rest = acos(-cosine); slope = rest * TURN; value = scale * lune(rest) * TURN;",
    ),
    "erf_pair": (
        "float64 x, float64 scale",
        "float64 value, float64 slope",
        "value = 0.6366197723675814 * asin(x); slope = 1.2732395447351628 * scale / sqrt((1.0 - x) * (1.0 + x));",
    ),
    "series": (
        "raw float64 rows, raw float64 cols, int64 terms, int64 n1, int64 n2, float64 x",
        "float64 value, float64 slope",
        """
        value = 0.0; slope = 0.0;
        long long r = i / n2, c = i % n2;
        for (long long k = terms - 1; k >= 0; --k) {
            slope = slope * x + value;
            value = value * x + rows[k * n1 + r] * cols[k * n2 + c];
        }
        """,
    ),
}
"""Inputs, outputs and text of each kernel; "series" is sum_k rows[k, r] cols[k, c] x^k and its derivative in x."""


def fused(xp: Any, name: str, *arguments: Any) -> Any:
    """The results of a kernel, or None where there is none.

    Parameters
    ----------
    xp
        Array namespace.
    name
        Of the kernel.
    arguments
        Arrays and whole numbers, as `KERNELS` says.
    """
    if not is_cupy(xp) or any(str(a.dtype) != "float64" for a in arguments if hasattr(a, "dtype")):
        return None
    cupy = import_module("cupy")
    inputs, outputs, text = KERNELS[name]
    return cupy.ElementwiseKernel(inputs, outputs, text, f"tpproof_{name}", preamble=PREAMBLE)(*arguments)


def is_cupy(xp: Any) -> bool:
    """Whether the namespace is CuPy, itself or as array_api_compat wraps it."""
    return "cupy" in getattr(xp, "__name__", "").split(".")
