"""Kernels from samples of the limit law, with standard errors."""
