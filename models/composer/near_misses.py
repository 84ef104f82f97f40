"""A training loss that forgives near misses: the target's probability is partly spread over similar tokens.

A near miss of a token differs from it in one property only: pitch, duration or bar position. Its weight is exp(-d),
where d is half the semitones between the pitches, the octaves between the durations (quarter to half note: 1), or the
quarter notes between the positions; beyond _FARTHEST it is 0. So of two wrong notes the nearer is forgiven more.

    s[x] = (1 - a) onehot[x] + a k[x],     k[x] = the weights of the near misses of x, which sum to 1

With logits l the cross-entropy of a softmax with the target s[x] is that with the target x plus a penalty:

    -sum_v s[x, v] log p[v] = -log p[x] + a (l[x] - sum_v k[x, v] l[v])

The penalty is linear in the logits. So the matrix 1 - k is applied to the output weights, and no softmax is computed.

Symbols: G folds, V tokens, M notes, H units, a the share, E entries of the matrices.
"""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import REST_PITCH
from models.folded.linear import rows
from models.folded.torch_typing import tensor

_FARTHEST = 3.0
"""The largest distance of a near miss."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class NearMisses:
    """The matrices 1 - k of all folds; each knows the tokens of its own vocabulary only."""

    def __init__(self, vocabulary: MelodyVocabulary, device: str) -> None:
        """Find the near misses of every token.

        Args:
            vocabulary: The tokens, and those that each fold knows.
            device: The model's device.
        """
        token, near, weight = _pairs(vocabulary)
        entries = [_of_fold(seen, token, near, weight) for seen in vocabulary.seen]
        column, value, size = zip(*entries, strict=True)
        shifted = [columns + fold * vocabulary.num_tokens for fold, columns in enumerate(column)]
        sizes = np.concatenate(size)
        self._column = tensor(np.concatenate(shifted), device)  # [E] the entries, row by row
        self._value = tensor(np.concatenate(value), device)
        self._start = tensor(np.cumsum(sizes) - sizes, device)  # [G * V] first entry of each row

    def penalty(self, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor) -> Tensor:
        """Return each fold's sum of l[x] - sum_v k[x, v] l[v], by which the loss of near misses exceeds the exact one.

        Args:
            hidden: [G, M, H].
            weight: [G, V, H].
            bias: [G, V]; -inf outside a fold's vocabulary.
            target: [G, M] int64 the tokens x.
            share: [G, M] weight of each note, 0 for padding.

        Returns:
            [G] nats, to be multiplied by a.
        """
        of_logit = (hidden * rows(self._applied(weight), target)).sum(2)
        of_bias = rows(self._applied(bias.unsqueeze(2)), target).squeeze(2)
        return ((of_logit + of_bias) * share).sum(1)

    def _applied(self, table: Tensor) -> Tensor:
        """Return (1 - k) table for [G, V, N]; the rows of tokens without near misses, or not known, are 0."""
        bags = torch.nn.functional.embedding_bag(
            self._column,
            table.flatten(0, 1),
            self._start,
            mode="sum",
            per_sample_weights=self._value.to(table.dtype),
        )
        return bags.view_as(table)


def _pairs(vocabulary: MelodyVocabulary) -> tuple[Ints, Ints, Floats]:
    """Return pairs of a token, a near miss of it, and the weight, for all tokens."""
    numbers = np.stack([vocabulary.token_pitch, vocabulary.token_duration, vocabulary.token_position])
    durations = np.log2([float(duration) for duration in vocabulary.durations])
    positions = np.array([float(position) for position in vocabulary.positions])
    pitches = np.where(numbers[0] == REST_PITCH, -2 * _FARTHEST, numbers[0] / 2)  # a rest is far from every pitch
    places = np.stack([pitches, durations[numbers[1]], positions[numbers[2]]])
    found = [pairs for changed in range(3) for pairs in _along(numbers, places[changed], changed)]
    first, second, distance = (np.concatenate(parts) for parts in zip(*found, strict=True))
    weight = np.exp(-distance)
    return np.append(first, second), np.append(second, first), np.append(weight, weight)


def _along(numbers: Ints, place: Floats, changed: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Yield pairs of tokens that differ only in the property ``changed`` and are near, with their distances.

    Args:
        numbers: [3, V] the properties of each token.
        place: [V] the token's place on the scale of the changed property.
        changed: The property.

    Yields:
        Each unordered pair once: [n] tokens, [n] others, [n] distances.
    """
    same = np.delete(numbers, changed, axis=0)
    order = np.lexsort((place, *same))
    for apart in range(1, len(order) + 1):
        first, second = order[:-apart], order[apart:]
        alike = (same[:, first] == same[:, second]).all(axis=0)
        distance = np.abs(place[first] - place[second])
        near = alike & (distance <= _FARTHEST)
        yield first[near], second[near], distance[near]
        if not alike.any():
            return


def _of_fold(seen: NDArray[np.bool_], token: Ints, near: Ints, weight: Floats) -> tuple[Ints, Floats, Ints]:
    """Return columns and values of the entries of a fold's 1 - k, row by row, and the number of entries of each row."""
    known = seen[token] & seen[near]
    token, near, weight = token[known], near[known], weight[known]
    total = np.bincount(token, weight, len(seen))
    itself = np.flatnonzero(total > 0)
    row = np.append(itself, token)
    order = np.argsort(row, kind="stable")
    value = np.append(np.ones(len(itself)), -weight / total[token])
    return np.append(itself, near)[order], value[order], np.bincount(row, minlength=len(seen))
