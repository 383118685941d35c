"""What kernels predict: regression, gradient flow and descent; plots."""
