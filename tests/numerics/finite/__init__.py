"""Finite networks against PyTorch's autodiff, against explicit matrices, and against the limit."""
