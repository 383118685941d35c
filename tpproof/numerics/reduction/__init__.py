"""From a proved kernel to a list of numbers over Gaussian directions."""
