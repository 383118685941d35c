"""Learning rates η_t of every step, and the mini-batches: what extension 0 of Theorem 5.3 lets vary."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tpproof.errors import TpproofError
from tpproof.numerics.functions import Array

Schedule = float | Sequence[float] | Array | Callable[[int], float]
"""One rate, a rate for each step t = 0, 1, …, or a function of t."""
MOST_STEPS = 10**7
"""Learning rates that gradient flow sums up one by one."""
Indices = npt.NDArray[np.int64]
Batches = str | int | Iterable[Any]


def constant(rate: float, steps: int) -> tuple[float, ...]:
    """The same rate at every step."""
    return (float(rate),) * _count(steps, "steps")


def step_decay(rate: float, steps: int, every: int, factor: float = 0.1) -> tuple[float, ...]:
    """The rate times `factor` after each `every` steps."""
    every = _count(every, "every", least=1)
    return tuple(rate * factor ** (t // every) for t in range(_count(steps, "steps")))


def cosine(rate: float, steps: int, final: float = 0.0) -> tuple[float, ...]:
    """Half a period of a cosine: from `rate` at step 0 down to `final` at the last step."""
    last = max(_count(steps, "steps") - 1, 1)
    return tuple(final + (rate - final) * (1 + math.cos(math.pi * t / last)) / 2 for t in range(steps))


def linear_warmup(rates: Sequence[float], over: int) -> tuple[float, ...]:
    """Given rates, the first `over` of them times 1/over, 2/over, …, 1."""
    over = _count(over, "over", least=1)
    return tuple(rate * min(1.0, (t + 1) / over) for t, rate in enumerate(rates))


def _count(number: Any, name: str, least: int = 0) -> int:
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
        raise TpproofError("E157", f"{name} = {number!r}", f"an integer of at least {least}")
    return int(number)


def rate_function(schedule: Schedule, steps: int) -> Callable[[int], float]:
    """η as a function of the step, every rate checked when it is read (E157: negative, not finite, too few)."""
    if callable(schedule):
        return lambda t: _rate(schedule(t), t)
    rates = np.asarray(schedule)
    if rates.dtype.kind not in "fiu" or rates.ndim > 1:
        raise TpproofError("E157", "a learning rate that is no number", "a number, a number for each step, a function")
    if rates.ndim == 0:
        rate = _rate(float(rates), 0)
        return lambda t: rate
    if len(rates) < steps:
        raise TpproofError("E157", f"{len(rates)} learning rates", f"one for each of {steps} steps")
    for t in np.flatnonzero(~(np.isfinite(rates) & (rates >= 0)))[:1]:
        _rate(float(rates[t]), int(t))
    return lambda t: float(rates[t])


def _rate(rate: Any, step: int) -> float:
    try:
        found = float(rate)
    except (TypeError, ValueError):
        found = math.nan
    if not (math.isfinite(found) and found >= 0):
        raise TpproofError("E157", f"learning rate {rate!r} at step {step}", "a finite number of at least 0")
    return found


def is_constant(schedule: Schedule) -> bool:
    """Is it one rate for all steps?"""
    return not callable(schedule) and np.ndim(schedule) == 0


def elapsed(schedule: Schedule, times: Array) -> Array:
    """τ = Σ_{s<t} η_s, linear between whole t: the time of gradient flow after t steps."""
    if is_constant(schedule):
        return np.asarray(rate_function(schedule, 0)(0) * times)
    if times.size and not np.isfinite(times[-1]):
        raise TpproofError("E157", "an infinite time with a schedule", "finite times, or one learning rate")
    last = math.ceil(times[-1]) if times.size else 0
    if last > MOST_STEPS:
        raise TpproofError("E157", f"a schedule over {last} steps", f"at most {MOST_STEPS}, or one learning rate")
    rate = rate_function(schedule, last)
    sums = np.concatenate([[0.0], np.cumsum([rate(t) for t in range(last)])])
    return np.asarray(np.interp(times, np.arange(last + 1), sums))


def minibatches(examples: int, size: int, steps: int, seed: int = 0) -> Iterator[Indices]:
    """The batches that `gradient_descent` uses for ``batches=size``: train a network on the same ones.

    Each epoch is a new permutation of the examples, cut into batches of `size`; the last one of an epoch may be
    shorter.
    """
    size, seed = _count(size, "batch size", least=1), _count(seed, "seed")
    random = np.random.default_rng(seed)
    made = 0
    while made < steps:
        order = random.permutation(examples)
        for first in range(0, examples, size):
            if made == steps:
                return
            made += 1
            yield order[first : first + size].astype(np.int64)


def batch_list(batches: Batches, examples: int, steps: int, seed: int) -> Iterator[Indices]:
    """One array of example numbers for each step; the same number twice counts twice (E157 on misuse)."""
    if isinstance(batches, str):
        if batches != "full":
            raise TpproofError("E157", f"batches = {batches!r}", '"full", a batch size, or indices for each step')
        everything = np.arange(examples, dtype=np.int64)
        return (everything for _ in range(steps))
    if isinstance(batches, int | np.integer):
        if batches > examples:
            raise TpproofError("E157", f"a batch size of {batches}", f"at most {examples} examples")
        return minibatches(examples, batches, steps, seed)
    if not isinstance(batches, Iterable):
        raise TpproofError("E157", f"batches = {batches!r}", '"full", a batch size, or indices for each step')
    return _given(batches, examples, steps)


def _given(batches: Iterable[Any], examples: int, steps: int) -> Iterator[Indices]:
    made = 0
    for batch in batches:
        if made == steps:
            return
        found = np.atleast_1d(np.asarray(batch))
        whole = found.dtype.kind in "iu" and found.ndim == 1 and found.size > 0
        if not whole or np.min(found) < 0 or np.max(found) >= examples:
            raise TpproofError("E157", f"batch {made}: {batch!r}", f"numbers of examples, from 0 to {examples - 1}")
        made += 1
        yield found.astype(np.int64)
    if made < steps:
        raise TpproofError("E157", f"{made} batches", f"one for each of {steps} steps")
