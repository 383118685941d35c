"""Finite networks in PyTorch: what a program means with explicit matrices, and what the zoo's names mean."""

import torch

torch.set_num_threads(1)  # tests run side by side
torch.set_default_dtype(torch.float64)
