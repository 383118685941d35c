"""A tile of inner products, made where it is used: for short inputs a BLAS spends its time on being called.

The middle of a matrix product is a few rows by a few SIMD registers whose sums stay in registers while the coordinates
pass. No loop that Numba compiles becomes that, so it is said in LLVM's language, for vectors of any processor.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call, call-arg"

from __future__ import annotations

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload

from tpproof.numerics.tiles.tile_loops import INSIDE, part

ROWS = 4
"""Rows of a patch."""
BYTES = 64
"""Of one of the two vectors that are a patch's row; LLVM cuts what is longer than a register."""
INDEX, LANE = ir.IntType(64), ir.IntType(32)


@intrinsic
def patch(typingctx, w, d, m, x, i, y, depth):
    """w[d + r m + j] <- sum_e x[i + r, e] w[y + e m + j], for `ROWS` rows r and two vectors of columns j."""

    def emit(context, builder, signature, arguments):
        kinds, (_, d, m, _, i, y, depth) = signature.args, arguments
        values, given = (context.make_array(kinds[k])(context, builder, arguments[k]) for k in (0, 3))
        entry = context.get_data_type(kinds[0].dtype)
        size = entry.get_abi_size(context.target_data)
        vector = ir.VectorType(entry, BYTES // size)

        def place(at, c):
            at = builder.add(at, INDEX(c * BYTES // size))
            return builder.bitcast(builder.gep(values.data, [at]), vector.as_pointer())

        def spread(scalar):
            one = builder.insert_element(vector(ir.Undefined), scalar, LANE(0))
            return builder.shuffle_vector(one, one, ir.VectorType(LANE, vector.count)(None))

        patches = [(r, c) for r in range(ROWS) for c in range(2)]
        sums = {at: cgutils.alloca_once_value(builder, vector(None)) for at in patches}
        for total in sums.values():
            builder.store(vector(None), total)
        starts = [builder.add(i, INDEX(r)) for r in range(ROWS)]
        rows = [cgutils.get_item_pointer(context, builder, kinds[3], given, [start, INDEX(0)]) for start in starts]
        with cgutils.for_range(builder, depth) as loop:
            below = builder.add(y, builder.mul(loop.index, m))
            columns = [builder.load(place(below, c), align=size) for c in range(2)]
            factors = [spread(builder.load(builder.gep(row, [loop.index]))) for row in rows]
            for (r, c), total in sums.items():
                term = builder.fmul(factors[r], columns[c], flags=("contract",))
                builder.store(builder.fadd(builder.load(total), term, flags=("contract",)), total)
        for (r, c), total in sums.items():
            builder.store(builder.load(total), place(builder.add(d, builder.mul(m, INDEX(r))), c), align=size)
        return context.get_dummy_value()

    index = types.intp
    return types.void(w, index, index, x, index, index, index), emit


def lanes(w):
    """How many entries wide a patch is."""
    raise NotImplementedError


@overload(lanes)
def _lanes(w):
    count = 2 * BYTES // (w.dtype.bitwidth // 8)
    return lambda w: count


@njit(**INSIDE)
def product(w, d, h, m, x, i0, y):
    """d <- x[i0 : i0 + h] Y, where Y lies in w at y, one line of m for each coordinate."""
    depth, wide = x.shape[1], m - m % lanes(w)
    tall = h - h % ROWS if wide else 0
    for j in range(0, wide, lanes(w)):
        for i in range(0, tall, ROWS):
            patch(w, d + i * m + j, m, x, i0 + i, y + j, depth)
    for i in range(h):
        first = wide if i < tall else 0
        D = part(w, d + i * m + first, m - first)
        for j in range(m - first):
            D[j] = 0
        for e in range(depth if first < m else 0):
            Y = part(w, y + e * m + first, m - first)
            for j in range(m - first):
                D[j] += x[i0 + i, e] * Y[j]
