"""The figures of the paper, drawn from networks of the zoo: ``python -m tpproof.cli.figures DOCS``."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from tpproof.certificate.files import staged
from tpproof.cli.draw import drawn
from tpproof.language.source import load


@dataclass(frozen=True)
class Figure:
    """One drawing: the paper's figure that it is, and what `tpproof draw` is given."""

    number: str
    name: str
    net: str
    about: str
    overrides: tuple[tuple[str, str], ...] = ()
    view: str = "program"
    path: int | None = None

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows `tpproof draw`."""
        constants = [word for key, value in self.overrides for word in ("-D", f"{key}={value}")]
        view = [] if self.view == "program" else [f"--{self.view}"]
        path = [] if self.path is None else ["--path", str(self.path)]
        return (f"zoo:{self.net}", *constants, *view, *path)


FIGURES = (
    Figure("1", "mlp", "mlp", "A multilayer perceptron of three hidden layers, here with its biases and its readout."),
    Figure("1", "rnn", "rnn", "A recurrent network: one row, a step in each column, the same W."),
    Figure("2", "mlp-path", "mlp", "A path p of the MLP, p⁰ to p³: from an X-var to the last G-var.", path=2),
    Figure("2", "rnn-path", "rnn", "A path of the RNN; the input is its p⁰, D.4.1.", path=5),
    Figure(
        "3", "rnn-isomorphic", "rnn_average",
        "Isomorphic paths p ≅ q that are not the same: U and then W, one step apart. (Their ends are read because "
        "this network's readout reads every state.)", path=4,
    ),
    Figure("4", "layernorm", "layernorm", "Layer normalization: bar-gates are Moments, squares their scalars."),
    Figure("4", "attention", "attention", "Self-attention over three tokens: logits by Moments, then softmax."),
    Figure("5", "convolution", "cnn1d", "Two convolutions with three taps over four positions, circular."),
    Figure(
        "6", "backpropagation", "mlp",
        "The backward pass below the forward one: an empty circle below a filled one and a filled one below an empty "
        "one, the gate of the derivative below that of the function.", view="backward",
    ),
    Figure("6", "rnn-backward", "rnn", "Backpropagation through time: the bias's signal is a sum.", view="backward"),
    Figure(
        "7", "algorithm-1", "mlp2",
        "Algorithm 1: the first step of SGD and what it changes on a test input, with only the middle layer trained.",
        (("lr_u", "0"), ("lr_v", "0")), view="unrolled",
    ),
    Figure(
        "", "folded", "resmlp",
        "A hundred residual blocks: of more than 200 symbols a repetition is folded, its first and last part drawn.",
        (("L", "100"),),
    ),
)  # fmt: skip


def figure(wanted: Figure) -> bytes:
    """The SVG of one figure."""
    return drawn(load(f"zoo:{wanted.net}", dict(wanted.overrides)), wanted.view, wanted.path, "svg")


def figures() -> dict[str, bytes]:
    """Every file, by its name in docs/."""
    page = _environment().get_template("diagrams/figures.md").render(figures=FIGURES)
    return {"figures.md": page.encode(), **{f"figures/{f.name}.svg": figure(f) for f in FIGURES}}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("tpproof.documents"), autoescape=False, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip


def write_all(docs: Path) -> None:
    """Write them all, or none."""
    with staged({docs / name: content for name, content in figures().items()}):
        pass


if __name__ == "__main__":
    write_all(Path(sys.argv[1]))
