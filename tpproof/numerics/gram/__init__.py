"""Gram matrices: `kernel_fn`, data, storage, clusters."""
