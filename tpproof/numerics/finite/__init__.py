"""Finite networks: real weights at a real width, sampled exactly, with no part of the proof in them.

Nothing here imports the limit calculus, the paths or the proof: what it measures is evidence about them.
"""

from tpproof.numerics.finite.kernels import Kernels, empirical_kernels
from tpproof.numerics.finite.matrices import DenseMatrix, ExactMatrix
from tpproof.numerics.finite.network import FiniteNetwork
from tpproof.numerics.finite.space import Space
from tpproof.numerics.finite.training import Trajectory, logistic_loss, sgd_step, square_loss, train

__all__ = [
    "DenseMatrix",
    "ExactMatrix",
    "FiniteNetwork",
    "Kernels",
    "Space",
    "Trajectory",
    "empirical_kernels",
    "logistic_loss",
    "sgd_step",
    "square_loss",
    "train",
]
