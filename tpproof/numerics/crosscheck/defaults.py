"""Widths and samples that are taken unless others are asked for."""

ALPHA = 1e-4
