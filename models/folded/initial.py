"""Initial weights over folds by the rules of PyTorch or TensorFlow, each fold's drawn from its own stream.

Symbols: K inputs, H units, n gates of a cell.

    torch         cells as torch.nn.LSTM: uniform within +-1/sqrt(H), peepholes too; output weights normal with
                  torch.nn.Linear's variance 1/(3 H)
    tensorflow    cells as TensorFlow 1: uniform distribution of Glorot & Bengio (2010, "Understanding the difficulty of
                  training deep feedforward neural networks") for the joint matrix [K + H, n H] of input and
                  recurrent weights, within +-sqrt(6 / (K + H + n H)), and for each vector [H] of peepholes, within
                  +-sqrt(6 / (H + H)); output weights from N(0, 1), TensorFlow's random_normal
"""

import math
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from data_prep.randomness import integer_seed

Initial: TypeAlias = Literal["torch", "tensorflow"]
"""The library whose rule is used."""


def weight_generators(seed: int, trial: int, folds: range) -> list[torch.Generator]:
    """Return the stream of initial weights of each of the folds."""
    return [
        torch.Generator().manual_seed(integer_seed(seed, "initial weights", trial=trial, fold=fold)) for fold in folds
    ]


def cell_bound(initial: Initial, num_inputs: int, size: int, width: int) -> float:
    """Return the bound of a cell's input and recurrent weights.

    Args:
        initial: The rule.
        num_inputs: K.
        size: H.
        width: n * H.

    Returns:
        The largest magnitude of a weight.
    """
    return 1.0 / math.sqrt(size) if initial == "torch" else math.sqrt(6.0 / (num_inputs + size + width))


def peephole_bound(initial: Initial, size: int) -> float:
    """Return the largest magnitude of a peephole weight."""
    return 1.0 / math.sqrt(size) if initial == "torch" else math.sqrt(3.0 / size)


def output_deviation(initial: Initial, size: int, num_summands: int) -> float:
    """Return the standard deviation of each summand of an output weight above a layer of H units."""
    return 1.0 if initial == "tensorflow" else 1.0 / math.sqrt(3.0 * size * num_summands)


def uniform(shape: Sequence[int], bound: float, generators: Sequence[torch.Generator]) -> Tensor:
    """Return [G, *shape] numbers drawn uniformly within +-bound, each fold's from its own generator."""
    return _drawn(shape, generators, lambda fold, source: fold.uniform_(-bound, bound, generator=source))


def normal(shape: Sequence[int], std: float, generators: Sequence[torch.Generator]) -> Tensor:
    """Return [G, *shape] numbers drawn from N(0, std^2), each fold's from its own generator."""
    return _drawn(shape, generators, lambda fold, source: fold.normal_(0.0, std, generator=source))


def _drawn(
    shape: Sequence[int], generators: Sequence[torch.Generator], draw: Callable[[Tensor, torch.Generator], Tensor]
) -> Tensor:
    drawn = torch.empty(len(generators), *shape)
    if not drawn.is_meta:  # there, normal_ would import torch's compiler, which takes a second
        for fold, source in zip(drawn, generators, strict=True):
            draw(fold, source)
    return drawn
