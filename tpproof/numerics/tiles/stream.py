"""Stores that do not read what they overwrite: a result is larger than the caches, and nobody reads it soon.

An ordinary store first brings the line into the cache, half of the traffic and all of the waiting. Scalars are enough:
the processor joins neighbours to lines. Where a processor has no such stores these are ordinary ones.
"""
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def stream(typingctx, target, i, value):
    """target[i] <- value, past the caches; `target` has one dimension and entries of the type of `value`."""

    def emit(context, builder, signature, arguments):
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        whole = ir.IntType(kind.dtype.bitwidth)  # processors have these stores for whole numbers
        pointer = cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]])
        bits = builder.bitcast(arguments[2], whole)
        stored = builder.store(bits, builder.bitcast(pointer, whole.as_pointer()))
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.IntType(32)(1)]))
        return context.get_dummy_value()

    return types.void(target, types.intp, target.dtype), emit


@intrinsic
def settle(typingctx):
    """What was streamed is in memory before anything that follows."""

    def emit(context, builder, signature, arguments):
        builder.fence("seq_cst")
        return context.get_dummy_value()

    return types.void(), emit
