"""Paths, isomorphism, the pair graph, Proposition D.3 (§5.1, D.2): the right side of the induction."""

from tpproof.paths.count import count
from tpproof.paths.listing import listed, paths

__all__ = ["count", "listed", "paths"]
