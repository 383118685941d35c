"""Work for the tests of runs: kernels of finite networks, and workers that die, wait or run out of memory."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tpproof.errors import TpproofError
from tpproof.language.source import load
from tpproof.numerics.crosscheck.running.tasks import Means, Task, Values, Work, network_seed
from tpproof.numerics.finite import FiniteNetwork, Space, empirical_kernels
from tpproof.numerics.workers.recipe import Recipe
from tpproof.program.canonical import canonical_bytes, from_json, to_json

X = [[[0.3, -1.2, 0.5]], [[1.1, 0.2, -0.4]]]


def kernels(recipe: Recipe) -> Work:
    """The NTK of one network."""
    options = json.loads(recipe.options)
    program = from_json(json.loads(recipe.program))

    def work(task: Task, means: Means) -> Values:
        space = Space(task.width, seed=network_seed(options["seed"], task), threads=means.threads)
        return empirical_kernels(FiniteNetwork(program, space), np.array(options["inputs"])).ntk.ravel()

    return work


def kernel_recipe(name: str = "mlp", seed: int = 5) -> Recipe:
    """Kernels of a network of the zoo."""
    program = canonical_bytes(to_json(load(f"zoo:{name}"))).decode()
    return Recipe(kernels, program, json.dumps({"seed": seed, "inputs": X}))


def toy(recipe: Recipe) -> Work:
    """Cheap numbers of a task, with what the options ask for besides."""
    options = json.loads(recipe.options)

    def work(task: Task, means: Means) -> Values:
        if task.sample in options.get("slow", ()):
            time.sleep(60)
        time.sleep(options.get("pause", 0.0))
        if task.sample in options.get("deadly", ()) or (task.sample == options.get("dies") and once(options["mark"])):
            os.kill(os.getpid(), signal.SIGKILL)
        if task.sample == options.get("diverges"):
            raise TpproofError("E152", f"an output that is not finite, {task}, after 3 of 5 steps")
        if task.sample == options.get("breaks"):
            raise ArithmeticError("for a reason")
        if task.sample == options.get("hungry"):
            np.empty(2**50)
        last = float("nan") if task.sample == options.get("spoiled") else float(network_seed(1, task))
        return np.array([task.width, task.sample, last])

    return work


def toy_recipe(**options: object) -> Recipe:
    """A recipe of `toy`."""
    return Recipe(toy, "a program", json.dumps(options))


def once(mark: str) -> bool:
    """Whether nobody has been here."""
    try:
        Path(mark).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def shared(recipe: Recipe) -> Callable[[Space], object]:
    """Sums over all coordinates, and a worker that has its own fate at one of them."""
    options = json.loads(recipe.options)

    def work(space: Space) -> object:
        total = np.zeros(2)
        for at in range(options.get("sums", 5)):
            if (space.share[0], at) == tuple(options.get("fate", ())):
                suffer(options["how"])
            total += space.reduce(np.array([1.0, space.share[0] * 10.0**at]))
        return total

    return work


def suffer(how: str) -> None:
    """Dies, hangs, raises one of our errors or another."""
    if how == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "hangs":
        time.sleep(60)
    if how == "diverges":
        raise TpproofError("E152", "an output that is not finite")
    if how == "hungry":
        np.empty(2**50)
    raise ArithmeticError("for a reason")
