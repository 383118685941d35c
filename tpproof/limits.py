"""Every bound that tpproof puts on what strangers hand it, on one screen.

The checker has its own bounds (``tpproof/checker/limits.py``): it imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one run. A user can raise those the command line names (``--max-nodes`` …)."""

    source_bytes: int = 1_000_000  # a .tp file
    json_bytes: int = 400_000_000  # a certificate or a canonical program
    syntax_depth: int = 200  # nesting of one expression in a .tp file
    interpreter_steps: int = 2_000_000  # expressions evaluated while a .tp file is read
    nodes: int = 400_000  # instructions of one program
    list_length: int = 200_000  # tuples, lists, ranges in a .tp file
    graph_nodes: int = 1_000  # of an adjacency file
    name_length: int = 64
    constant_digits: int = 60  # of a numerator or denominator
    constant_depth: int = 20
    exponent: int = 64  # |numerator| and denominator of a rational power
    pairs: int = 3_000_000  # vector pairs of one proof
    explicit_pairs: int = 20_000  # vector pairs that are written one by one; beyond, one for each orbit of symmetries
    symmetry_searches: int = 64  # renamings looked for
    symmetry_work: int = 20_000_000  # edges of the program's graph looked at for them
    listed_paths: int = 2_000  # path pairs written out one by one
    reads: int = 20_000_000  # G-var pairs visited while paths are counted
    machine_terms: int = 20_000  # monomials of a kernel that is written out to be compared
    machine_work: int = 20_000  # products formed by the abstract machine
    unroll_steps: int = 64
    sample_numbers: int = 250_000_000  # floats that one sample of the limit law keeps: 2 GB
    input_numbers: int = 250_000_000  # numbers of all input arrays of one file together: 2 GB
    kernel_terms: int = 60  # monomials of a kernel written out in one line
    drawn_nodes: int = 400  # symbols of one drawing: nobody reads a larger one
    drawn_bends: int = 6_000  # places where edges of a drawing pass other symbols


DEFAULT = Limits()
