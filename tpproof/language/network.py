"""Networks for Python users: traced from a function, or loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, update_wrapper
from pathlib import Path
from typing import Any

from tpproof.language.source import load as load_program
from tpproof.language.tracing import trace
from tpproof.language.values import constant_of
from tpproof.language.write import write
from tpproof.limits import DEFAULT, Limits
from tpproof.program import constants
from tpproof.program.canonical import canonical_bytes, sha256, to_json
from tpproof.program.listing import listing
from tpproof.program.model import Program
from tpproof.program.parametrization import reparametrized


class Network:
    """A network: its program is read when it is first asked for. Calling it gives it other constants.

    Examples
    --------
    >>> import tpproof as tp
    >>> @tp.network
    ... def wide(depth=2):
    ...     x = tp.embedding("U") @ tp.input("xi")
    ...     for l in range(depth):
    ...         x = tp.matrix(f"W{l}") @ tp.tanh(x)
    ...     tp.output(tp.readout("v") @ x)
    >>> len(wide.program.gvars), len(wide(depth=5).program.gvars)
    (3, 6)
    """

    def __init__(self, make: Callable[..., Program], name: str) -> None:
        self._make = make
        self.name = name

    def __call__(self, **constants: Any) -> Network:
        """The same network with other constants."""
        return Network(lambda **more: self._make(**{**constants, **more}), self.name)

    @cached_property
    def program(self) -> Program:
        """The immutable program. Raises TpproofError where the network is wrong."""
        return self._make()

    @property
    def sha256(self) -> str:
        """The hash of the canonical form."""
        return sha256(self.program)

    def to_json(self) -> bytes:
        """The canonical bytes."""
        return canonical_bytes(to_json(self.program))

    def to_text(self) -> str:
        """`.tp` text of the program."""
        return write(self.program)

    def parametrized(self, name: str) -> Network:
        """The same forward pass in another parametrization: scale=1, std=1, lr=1, yang, ntk or standard.

        Raises TpproofError for another name. See docs/parametrizations.md for which of them keep the kernel.
        """

        def make(**constants: Any) -> Program:
            return reparametrized(self(**constants).program, name)

        return Network(make, self.name)

    def listing(self) -> str:
        """The paper-style listing of the reduced program."""
        return listing(self.program)

    def __repr__(self) -> str:
        return f"<tpproof network {self.name}>"


def network(function: Callable[..., object]) -> Network:
    """Trace a Python function that declares inputs and parameters and calls `output`.

    Its arguments are constants with defaults, given anew by calling the network.
    """

    def make(**constants: Any) -> Program:
        return trace(lambda: function(**constants), function.__name__)

    made = Network(make, function.__name__)
    update_wrapper(made, function, updated=())  # the docstring and name of the function
    return made


def constant_text(value: Any) -> str:
    """A constant of Python's as the language writes it: exact where `str` would round."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(plain, list | tuple):
        return f"[{', '.join(map(constant_text, plain))}]"
    if isinstance(plain, str):
        return repr(plain)
    exact = constant_of(plain)
    return str(plain) if exact is None else constants.text(exact)


def load(
    source: str | Path,
    overrides: Mapping[str, Any] | None = None,
    functions: Mapping[str, str] | None = None,
    limits: Limits = DEFAULT,
) -> Network:
    """A network from a `.tp` file, a canonical program, a certificate or ``zoo:NAME``.

    Parameters
    ----------
    source
        What the command line takes as ``NET``.
    overrides
        New values of a text's constants, as ``-D``.
    functions
        Known functions for abstract nonlinearities, as ``--set``.
    limits
        Bounds on size.

    Raises
    ------
    TpproofError
        At once, where the network cannot be read.
    """

    def make(**constants: Any) -> Program:
        given = {**(overrides or {}), **constants}
        texts = {key: value if isinstance(value, str) else constant_text(value) for key, value in given.items()}
        return load_program(source, texts, functions, limits)

    program = make()
    made = Network(make, program.name)
    made.__dict__["program"] = program
    return made
