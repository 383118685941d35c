"""Polynomials for arc functions in loops that run in SIMD lanes: no branches, no library calls, one square root.

Let z = y^2 in [0, 1/4]. Then asin y = y (1 + z R(z)) and S(2 asin y) = y z W(z) with S(t) = sin t - t cos t; R and W
are interpolated at Chebyshev nodes, to an error of 6e-17 (float64) and 2e-9 (float32) of asin and S. All of
theta, sin theta and S(pi - theta) follow by reduction: y = |cos theta| in the middle third, sin or cos of theta/2 in
the outer ones, so that nothing cancels near theta = 0 and theta = pi.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator"

from __future__ import annotations

from numba import types
from numba.extending import overload


def arcsine_series(z):
    """R(z)."""
    raise NotImplementedError


def lune_series(z):
    """W(z)."""
    raise NotImplementedError


@overload(arcsine_series, jit_options={"fastmath": {"contract"}})
def _arcsine_series(z):
    if z == types.float32:

        def f32(z):
            r = types.float32(0.03369084720283012)
            r = r * z + types.float32(0.017149238357677253)
            r = r * z + types.float32(0.03110066273549457)
            r = r * z + types.float32(0.04459940152851218)
            r = r * z + types.float32(0.07500094543497424)
            return r * z + types.float32(0.16666666337430908)

        return f32

    def f64(z):
        r = 0.028169218060881414
        r = r * z - 0.010749050339697808
        r = r * z + 0.01603551434914882
        r = r * z + 0.0078029494773533175
        r = r * z + 0.011875494382636922
        r = r * z + 0.013929652902326633
        r = r * z + 0.017355259955786323
        r = r * z + 0.02237204763174451
        r = r * z + 0.03038194736709848
        r = r * z + 0.044642857103423646
        r = r * z + 0.07500000000020764
        return r * z + 0.1666666666666665

    return f64


@overload(lune_series, jit_options={"fastmath": {"contract"}})
def _lune_series(z):
    if z == types.float32:

        def f32(z):
            r = types.float32(0.023882047629014847)
            r = r * z + types.float32(0.018918287903202234)
            r = r * z + types.float32(0.040116323885778016)
            r = r * z + types.float32(0.08568816816093965)
            r = r * z + types.float32(0.2666672337356449)
            return r * z + types.float32(2.666666664692688)

        return f32

    def f64(z):
        r = 0.00900713069799123
        r = r * z - 0.0025388925418723626
        r = r * z + 0.006011138119383866
        r = r * z + 0.004279310461599025
        r = r * z + 0.006668007159892375
        r = r * z + 0.009244359247478703
        r = r * z + 0.013768222303426255
        r = r * z + 0.022095926591805978
        r = r * z + 0.03968254054727986
        r = r * z + 0.08571428570262438
        r = r * z + 0.26666666666672806
        return r * z + 2.6666666666666665

    return f64
