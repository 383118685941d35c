"""Every error that a user can meet, on one screen: a code, its cause, its remedy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where in the user's text something stands (1-based line, 1-based column)."""

    file: str
    line: int
    column: int
    text: str = ""  # the whole source line, for the caret

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


CODES: dict[str, tuple[str, str]] = {
    # reading
    "E100": ("the file cannot be read", "check the path, and that text is UTF-8"),
    "E101": ("the text is not valid syntax", "the language is a subset of Python's syntax"),
    "E102": ("this construct is not part of the language", "see docs/language.md"),
    "E103": ("unknown name", "declare it first, or use the suggested one"),
    "E104": ("a limit was reached", "raise the limit named in the message, if you trust the file"),
    "E105": ("not a canonical program", "write one with `tpproof show NET --json`"),
    "E106": ("unknown override", "-D and --set take names that the file defines"),
    "E107": ("a constant has a value that the network does not take", "see its first lines; -D gives it another"),
    "E108": ("the file holds no graph", "a square matrix, or edges: two nodes counted from 0, and a weight"),
    "E109": ("the page holds no certificate", "give a page that `tpproof prove` wrote, unchanged"),
    # declarations
    "E110": ("a name is declared twice", "names of inputs and parameters are unique"),
    "E111": ("a name has the wrong form", "use ASCII letters, digits and _, starting with a letter"),
    "E112": ("a declaration has a wrong argument", "see docs/language.md"),
    # types
    "E120": ("the kinds of the operands do not fit", "vectors add to vectors, scalars to scalars"),
    "E121": ("a matrix product with the wrong operand", "W @ x takes a vector, U @ xi an input"),
    "E122": ("a readout is used inside the network", "a readout may only stand in output(v @ x)"),
    "E123": ("wrong use of a function", "see the list of functions in docs/language.md"),
    "E124": ("an index is out of range or not an integer", "count from 0"),
    "E125": ("a constant expression has no value", "no division by 0, no even root of a negative"),
    # outputs
    "E130": ("the network has no output", "end with output(v @ x)"),
    "E131": ("wrong argument of output", "write output(v @ x), or a sum of such terms"),
    # running
    "E140": ("a file cannot be written", "check the folder and the free space"),
    "E141": ("not available", "see docs/ for what this version does"),
    "E142": ("wrong use of the command", "see --help"),
    "E143": ("the checker did not accept", "this is an error of ours: please report it"),
    # numbers
    "E150": ("this network has no numbers", "--set makes an abstract nonlinearity a known one"),
    "E151": ("wrong use of the sampler", "see the docstring of kernel_by_sampling"),
    "E152": ("a number that a float cannot hold", "ordinary inputs and variances, or a function that grows less"),
    "E153": ("the inputs do not fit the network", "docs/kernels.md says what arrays an input takes"),
    "E154": ("another run writes to this target", "wait for it, or give another target"),
    "E155": ("the workers did not do the work", "check their address, memory and version of tpproof"),
    "E156": ("this is no kernel", "it is symmetric with no negative eigenvalue; check it, or say its error with rtol"),
    "E157": ("wrong use of the prediction", "see docs/prediction.md"),
    "E158": ("training diverges", "a learning rate below maximal_learning_rate(k_train)"),
    "E159": ("no enclosure of this number", "see docs/kernels.md for what can be enclosed"),
    "E160": ("wrong use of the cross-check", "see docs/crosscheck.md"),
    "E161": ("the journal is of another run", "name another file, or remove this one"),
    # documents
    "E170": ("LaTeX is not installed", "install it: Debian's packages stand in the message; or choose another format"),
    "E171": ("LaTeX did not compile the document", "please report it, with the .tex file"),
    "E172": ("no picture could be made of the PDF", "install what the message names, or choose another format"),
    "E173": ("there is no such path pair", "`tpproof paths NET` lists them"),
}


class TpproofError(Exception):
    """Something a user gave us is wrong. Carries code, place, what was found and what was expected.

    Cause and remedy of each code stand in `CODES`.
    """

    def __init__(
        self,
        code: str,
        found: str,
        expected: str = "",
        place: Place | None = None,
        suggestion: str | None = None,
    ) -> None:
        self.code = code
        self.found = found
        self.expected = expected
        self.place = place
        self.suggestion = suggestion
        super().__init__(self.report())

    @property
    def cause(self) -> str:
        return CODES[self.code][0]

    @property
    def remedy(self) -> str:
        return CODES[self.code][1]

    def at(self, place: Place | None) -> TpproofError:
        """The same error with a place, if it has none yet."""
        if self.place is not None or place is None:
            return self
        return type(self)(self.code, self.found, self.expected, place, self.suggestion)

    def report(self) -> str:
        """The message as a user reads it: place, cause, caret, found, expected, remedy."""
        head = f"{self.place}: " if self.place else ""
        lines = [f"{head}error {self.code}: {self.cause}"]
        if self.place and self.place.text:
            caret = " " * (self.place.column - 1) + "^"
            lines += [f"    {self.place.text}", f"    {caret}"]
        lines.append(f"  found:    {self.found}")
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.suggestion:
            lines.append(f"  did you mean: {self.suggestion}?")
        lines.append(f"  remedy:   {self.remedy}")
        return "\n".join(lines)
