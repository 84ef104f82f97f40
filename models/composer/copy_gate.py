"""Copying from the tune's own past: a gate that mixes the network's distribution with those of experts.

    p(x[t]) = g_0 softmax(W h[t])[x[t]] + sum_j g_j q_j(x[t]),     g = softmax(MLP([h[t], features[t]]))

Symbols: G folds, M notes, H units, J experts of ``data_prep.melodies.votes``, q_j what expert j's votes say, g gates,
F features. An absent expert's gate is 0. The mixture is that of See et al. 2017, "Get to the point", equation 9; here
the pointers are votes that are known before training.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data_prep.melodies.votes import EXPERTS, NUM_MATCHES
from models.folded.initial import uniform
from models.folded.linear import linear

Copying: TypeAlias = Literal["off", "match", "match+bars"]
"""Which experts a composer copies by."""

NUM_EXPERTS: dict[Copying, int] = {"off": 0, "match": NUM_MATCHES, "match+bars": len(EXPERTS)}
"""How many of the experts each choice has, from the first."""

_LENGTHS = np.array([2, 4, 8, 16], np.int16)
"""Lengths of agreement from which on a feature of its own is 1."""

_BARS = np.array([4, 8, 16], np.int32)
"""Where the classes of bars begin after the first."""

_CLASSES = np.eye(len(_BARS) + 1, dtype=np.float32)

_PERIODS = (2, 4, 8)
"""Bars after which a form repeats itself, each dividing the last; a bar's place in each is a feature."""

_PLACES = np.concatenate([np.eye(period, dtype=np.float32)[np.arange(_PERIODS[-1]) % period] for period in _PERIODS], 1)


def gate_features(votes: NDArray[np.void], bar: NDArray[np.int32], index: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return what a gate knows of notes beside the network's hidden state.

    Args:
        votes: [..., J] of ``data_prep.melodies.votes.VOTE``; the first NUM_MATCHES experts or all.
        bar: [...] the bar in which each note starts; it counts where the bars' experts are among the votes.
        index: [...] the number of each note in its piece.

    Returns:
        [..., F]. Of every expert whether it is there, log(1 + length of agreement) and whether this is at least 2, 4, 8
        and 16; of the matches the share of votes for the commonest event and log(votes); of the bar, with the bars'
        experts, its class (below 4, 8, 16, beyond) and its place modulo 2, 4 and 8; and log(1 + index).
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
    nothing = np.zeros(0, np.int64)
    votes = np.zeros((0, NUM_EXPERTS[copying]), [(name, np.int64) for name in ("length", "votes", "top")])
    return gate_features(votes, nothing.astype(np.int32), nothing).shape[-1]


@dataclass(frozen=True)
class Copies:
    """What experts say before some notes.

    Attributes:
        features: [G, ..., F] of the gate.
        present: [G, ..., J] bool, which experts are there.
        hits: [G, ..., J] q_j of the event that came, 0 for an absent expert.
    """

    features: Tensor
    present: Tensor
    hits: Tensor


class CopyGate(nn.Module):
    """Each fold's gate: one hidden layer of tanh units, then the softmax over the network and its experts.

    Attributes:
        hidden: [G, C, H + F] weights of the C hidden units, with ``hidden_bias`` [G, C].
        output: [G, 1 + J, C] weights, with ``output_bias`` [G, 1 + J].
    """

    def __init__(self, copying: Copying, size: int, units: int, generators: list[torch.Generator]) -> None:
        """Draw each fold's weights from its own generator.

        Args:
            copying: Which experts there are.
            size: H, of the network's last layer.
            units: C.
            generators: One a fold.
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
            [G, ..., 1 + J] nats, the network's first; -inf for an absent expert.
        """
        units = torch.tanh(linear(torch.cat([hidden, features], dim=-1), self.hidden, self.hidden_bias))
        scores = linear(units, self.output, self.output_bias)
        always = torch.ones_like(present[..., :1])
        return torch.log_softmax(scores.masked_fill(~torch.cat([always, present], dim=-1), -math.inf), dim=-1)


def copied(log_gate: Tensor, hits: Tensor) -> Tensor:
    """Return the probability that the experts give the event that came.

    Args:
        log_gate: [..., 1 + J] as ``CopyGate`` returns it.
        hits: [..., J].

    Returns:
        [...] sum over experts of g_j q_j.
    """
    return (log_gate[..., 1:].exp() * hits).sum(-1)


def mixed(log_p: Tensor, log_gate: Tensor, hits: Tensor) -> Tensor:
    """Return the log probability of events under network and experts together.

    Args:
        log_p: [...] nats, the network's.
        log_gate: [..., 1 + J] as ``CopyGate`` returns it.
        hits: [..., J].

    Returns:
        [...] nats.
    """
    return torch.logaddexp(log_gate[..., 0] + log_p, copied(log_gate, hits).log())
