"""Copying from the tune's own past: a gate that mixes the network's distribution with those of experts.

    p(x[t]) = g_0 softmax(W h[t])[x[t]] + sum_j g_j q_j(x[t]),     g = softmax(MLP([h[t], features[t]]))

Symbols: G folds, M notes, H units, J experts of ``data_prep.melodies.votes``, q_j the distribution of expert j's votes,
g gates, F features. The gate of an absent expert is 0. The mixture is equation 9 of See et al. 2017, "Get to the
point"; here the pointers are votes, which are computed before training.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data_prep.melodies.votes import EXPERTS, NUM_MATCHES, VOTE
from models.folded.initial import uniform
from models.folded.linear import linear

Copying: TypeAlias = Literal["off", "match", "match+bars"]
"""A choice of experts."""

NUM_EXPERTS: dict[Copying, int] = {"off": 0, "match": NUM_MATCHES, "match+bars": len(EXPERTS)}
"""Number of experts of each choice, counted from the first expert."""

_LENGTHS = np.array([2, 4, 8, 16], np.int16)
"""Thresholds of the length of agreement; each is a binary feature."""

_BARS = np.array([4, 8, 16], np.int32)
"""Lower bounds of the classes of bars after the first class."""

_CLASSES = np.eye(len(_BARS) + 1, dtype=np.float32)

_PERIODS = (2, 4, 8)
"""Periods of a form (bars), each a divisor of the last; a bar's place in each period is a feature."""

_PLACES = np.concatenate([np.eye(period, dtype=np.float32)[np.arange(_PERIODS[-1]) % period] for period in _PERIODS], 1)


def gate_features(votes: NDArray[np.void], bar: NDArray[np.int32], index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the inputs of the gate in addition to the network's hidden state.

    Args:
        votes: [..., J] of ``data_prep.melodies.votes.VOTE``; the first NUM_MATCHES experts or all.
        bar: [...] the bar in which each note starts; used only with the experts for bars.
        index: [...] the number of each note in its piece.

    Returns:
        [..., F]. For each expert its presence, log(1 + length of agreement), and whether this length is at least 2, 4,
        8 and 16; for each match the share of votes for the most frequent event and log(number of votes); with the
        experts for bars the class of the bar (below 4, 8, 16, beyond) and its place modulo 2, 4 and 8; log(1 + index).
    """
    length = votes["length"]
    present = length >= 0
    matches = votes[..., :NUM_MATCHES]
    num_votes = np.maximum(matches["votes"], 1)
    parts = [
        present,
        np.log1p(np.maximum(length, 0)),
        (length[..., None] >= _LENGTHS).reshape(*length.shape[:-1], length.shape[-1] * len(_LENGTHS)),
        matches["top"] / num_votes,
        np.log(num_votes),
    ]
    if votes.shape[-1] > NUM_MATCHES:
        parts += [_CLASSES[np.searchsorted(_BARS, bar, side="right")], _PLACES[bar % _PERIODS[-1]]]
    parts.append(np.log1p(index)[..., None])
    return np.concatenate(parts, axis=-1, dtype=np.float32)


def num_features(copying: Copying) -> int:
    """Return the number of features F."""
    empty = np.zeros(0, np.int64)
    return gate_features(np.zeros((0, NUM_EXPERTS[copying]), VOTE), empty.astype(np.int32), empty).shape[-1]


@dataclass(frozen=True)
class Copies:
    """The experts' predictions of notes.

    Attributes:
        features: [G, ..., F] features for the gate.
        present: [G, ..., J] bool, whether each expert is present.
        hits: [G, ..., J] q_j of the actual event, 0 for an absent expert.
    """

    features: Tensor
    present: Tensor
    hits: Tensor


class CopyGate(nn.Module):
    """Each fold's gate: one hidden layer of tanh units and a softmax over the network and the experts.

    Attributes:
        hidden: [G, C, H + F] weights of the C hidden units, with ``hidden_bias`` [G, C].
        output: [G, 1 + J, C] weights, with ``output_bias`` [G, 1 + J].
    """

    def __init__(self, copying: Copying, size: int, units: int, generators: list[torch.Generator]) -> None:
        """Draw each fold's weights from its own generator.

        Args:
            copying: The choice of experts.
            size: H of the network's last layer.
            units: C.
            generators: One per fold.
        """
        super().__init__()
        width, num_outputs = size + num_features(copying), 1 + NUM_EXPERTS[copying]

        def drawn(*shape: int) -> nn.Parameter:
            return nn.Parameter(uniform(shape, 1.0 / math.sqrt(shape[-1]), generators))

        self.hidden, self.hidden_bias = drawn(units, width), nn.Parameter(torch.zeros(len(generators), units))
        self.output = drawn(num_outputs, units)
        self.output_bias = nn.Parameter(torch.zeros(len(generators), num_outputs))

    def forward(self, hidden: Tensor, features: Tensor, present: Tensor) -> Tensor:
        """Return the log of the gates.

        Args:
            hidden: [G, ..., H] the network's hidden state before each note.
            features: [G, ..., F].
            present: [G, ..., J] bool.

        Returns:
            [G, ..., 1 + J] nats, that of the network first; -inf for an absent expert.
        """
        units = torch.tanh(linear(torch.cat([hidden, features], dim=-1), self.hidden, self.hidden_bias))
        scores = linear(units, self.output, self.output_bias)
        always = torch.ones_like(present[..., :1])
        return torch.log_softmax(scores.masked_fill(~torch.cat([always, present], dim=-1), -math.inf), dim=-1)


def copied(log_gate: Tensor, hits: Tensor) -> Tensor:
    """Return the weighted probability of the actual events under the experts.

    Args:
        log_gate: [..., 1 + J] output of ``CopyGate``.
        hits: [..., J].

    Returns:
        [...] sum over experts of g_j q_j.
    """
    return (log_gate[..., 1:].exp() * hits).sum(-1)


def mixed(log_p: Tensor, log_gate: Tensor, hits: Tensor) -> Tensor:
    """Return the log probability of events under the mixture of network and experts.

    Args:
        log_p: [...] log probability under the network (nats).
        log_gate: [..., 1 + J] output of ``CopyGate``.
        hits: [..., J].

    Returns:
        [...] nats.
    """
    return torch.logaddexp(log_gate[..., 0] + log_p, copied(log_gate, hits).log())
