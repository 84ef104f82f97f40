"""A trained composer, one step at a time in numpy, with all constants precomputed.

Symbols: G folds, B sequences, C blocks of W sequences, V tokens, S bar positions, H units, N pre-activations of a cell,
J experts, F rows of upper voices. Equations and order of the gates are those of ``models.folded``. The overhead of
calls dominates a step of a few sequences, and that of numpy is a third of torch's.

The rounding of matrix products depends on the number of rows. Therefore all products have W rows, and the last block is
padded, so that the result of a sequence is identical to the last bit, regardless of the other sequences.
"""

from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np
import torch
from numpy.typing import NDArray

from models.composer.model import ComposerModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import Tensor

    from data_prep.encodings.vocabulary import MelodyVocabulary
    from models.composer.composing.copy_experts import Pointers
    from models.composer.copy_gate import CopyGate
    from models.composer.rhythm_first import RhythmFirst
    from models.folded.layers import RecurrentLayer

Floats: TypeAlias = NDArray[np.float32]
StepState: TypeAlias = list[tuple[Floats, ...]]
"""For each layer h, and c for an LSTM, each [G, C, W, H]."""

_WIDTH = 4
"""W: a single sequence takes half as long as in blocks of 8, and many sequences take no longer."""

_NEVER = -1e30
"""Logit of an impossible token; finite, so that sums over folds are not NaN."""

_LEAST = 1e-300
"""Probability of an impossible token; its logarithm is finite."""


class ComposerSteps:
    """All folds' networks, one token at a time.

    Attributes:
        num_folds: G.
        begin: The input before a piece's first note.
        unknown: The input for a note without a token.
    """

    def __init__(self, model: ComposerModel, vocabulary: "MelodyVocabulary") -> None:
        """Copy a model's weights; later changes of the model have no effect."""
        self.num_folds = vocabulary.num_folds
        self.begin, self.unknown = model.begin, model.unknown
        layers = list(cast("Iterable[RecurrentLayer]", model.layers))
        with torch.no_grad():
            first = layers[0]
            table = first.weight if model.embedding is None else model.embedding() @ first.weight.mT
            self._table = _array(table + first.bias.unsqueeze(1))
            self._beat = None
            if model.beat is not None:
                beat = _array(model.beat if model.embedding is None else model.beat @ first.weight.mT)
                # All bar positions that a fold has not seen share the last row, as in training.
                places = np.pad(vocabulary.seen_position, ((0, 0), (0, 1)))
                self._beat = np.where(places[:, :, None], beat, beat[:, -1:])
            self._upper = None
            if model.upper is not None:
                table = model.upper.table
                rows = _array(table if model.embedding is None else table @ first.weight.mT)
                self._upper = np.pad(rows, ((0, 0), (0, 1), (0, 0)))  # the last row is 0, that of negative numbers
            self._layers = [_Cell(layer) for layer in layers]
            weight, bias = model.head()
            self._head = _array(weight.mT)[:, None]
            self._head_bias = np.maximum(_array(bias), _NEVER)[:, None, None]
            self._rhythm = None if model.rhythm is None else _Rhythm(model.rhythm)
            self._gate = None if model.gate is None else _Gate(model.gate, model.spec.size)

    def start(self, num_sequences: int) -> StepState:
        """Return the state before the first step."""
        return [cell.start(self.num_folds, -(-num_sequences // _WIDTH)) for cell in self._layers]

    @staticmethod
    def repeat_first(state: StepState, num_sequences: int) -> StepState:
        """Return the state of the first sequence for each of several."""
        num_blocks = -(-num_sequences // _WIDTH)
        return [tuple(np.tile(values[:, :1, :1], (1, num_blocks, _WIDTH, 1)) for values in layer) for layer in state]

    def step(
        self,
        tokens: NDArray[np.int64],
        positions: NDArray[np.int64],
        state: StepState,
        pointers: "Pointers | None" = None,
        upper: NDArray[np.int64] | None = None,
    ) -> NDArray[np.float64]:
        """Advance by one note.

        Args:
            tokens: [B] the previous notes: tokens, ``begin`` or ``unknown``.
            positions: [B] bar positions of the next notes, S if the vocabulary lacks one.
            state: State of every layer; overwritten.
            pointers: The experts' votes for the next notes; None if the model does not copy.
            upper: [B, F] what the next notes hear, see ``models.composer.upper_voices``; None for nothing.

        Returns:
            [B, V] log of the folds' mean probability of each next token (nats); impossible tokens are far below all
            others. The experts' votes for events without a token are ignored.
        """
        x = self._table[:, _blocks(tokens)]
        if self._beat is not None:
            x += self._beat[:, _blocks(positions)]
        if self._upper is not None and upper is not None:
            x += self._upper[:, np.stack([_blocks(row) for row in upper.T], axis=-1)].sum(axis=3)
        for number, cell in enumerate(self._layers):
            if number:
                x = cell.from_below(x)
            state[number] = cell.step(x, state[number])
            x = state[number][0]
        logits = x @ self._head + self._head_bias
        if self._rhythm is not None:
            logits = self._rhythm.joined(x, logits)
        logits = logits.reshape(self.num_folds, -1, logits.shape[3])[:, : len(tokens)]
        if self._gate is None:
            return self._log_mean(logits)
        assert pointers is not None
        return self._mixed(logits, self._gate.weights(x, pointers), pointers)

    @staticmethod
    def _log_mean(logits: Floats) -> NDArray[np.float64]:
        """Return [B, V] log of the folds' mean softmax of logits [G, B, V]."""
        logits -= logits.max(axis=2, keepdims=True)
        logits -= np.log(np.exp(logits).sum(axis=2, keepdims=True))
        if len(logits) == 1:
            return logits[0].astype(np.float64)
        most = logits.max(axis=0)
        return (most + np.log(np.exp(logits - most).mean(axis=0))).astype(np.float64)

    @staticmethod
    def _mixed(logits: Floats, gate: Floats, pointers: "Pointers") -> NDArray[np.float64]:
        """Return [B, V] log of the mixture of softmax and experts, for logits [G, B, V] and gates [G, B, 1 + J]."""
        p = np.exp(logits - logits.max(axis=2, keepdims=True))
        p *= gate[:, :, :1] / p.sum(axis=2, keepdims=True)
        mean = p.mean(axis=0, dtype=np.float64)
        weight = gate[:, :, 1:].mean(axis=0, dtype=np.float64)[pointers.row, pointers.expert] * pointers.share
        mean += np.bincount(pointers.row * mean.shape[1] + pointers.token, weight, mean.size).reshape(mean.shape)
        return np.log(np.maximum(mean, _LEAST))


class _Rhythm:
    """The softmax over rhythms; see ``models.composer.rhythm_first``."""

    def __init__(self, rhythm: "RhythmFirst") -> None:
        weight, bias = rhythm.head()
        self._head = _array(weight.mT)[:, None]
        self._head_bias = np.maximum(_array(bias), _NEVER)[:, None, None]
        self._of_token = rhythm.of_token.cpu().numpy()
        self._order = np.argsort(self._of_token, kind="stable")
        self._start = np.searchsorted(self._of_token[self._order], np.arange(bias.shape[1]))

    def joined(self, hidden: Floats, logits: Floats) -> Floats:
        """Return the log probabilities [G, C, W, V] for the hidden state [G, C, W, H] and the tokens' logits."""
        by_rhythm = logits[..., self._order]
        most = np.maximum.reduceat(by_rhythm, self._start, axis=-1)
        above = np.exp(by_rhythm - most[..., self._of_token[self._order]])
        total = most + np.log(np.add.reduceat(above, self._start, axis=-1))
        of_rhythm = hidden @ self._head + self._head_bias
        of_rhythm -= of_rhythm.max(axis=-1, keepdims=True)
        of_rhythm -= np.log(np.exp(of_rhythm).sum(axis=-1, keepdims=True))
        return logits + (of_rhythm - total)[..., self._of_token]


class _Gate:
    """The gate over network and experts."""

    def __init__(self, gate: "CopyGate", size: int) -> None:
        hidden = _array(gate.hidden.mT)[:, None]
        self._hidden, self._features = hidden[:, :, :size], hidden[:, :, size:]
        self._hidden_bias = _array(gate.hidden_bias)[:, None, None]
        self._output = _array(gate.output.mT)[:, None]
        self._output_bias = _array(gate.output_bias)[:, None, None]

    def weights(self, hidden: Floats, pointers: "Pointers") -> Floats:
        """Return the gates [G, B, 1 + J] for the network's hidden state [G, C, W, H]."""
        num_folds, num_blocks = hidden.shape[:2]
        num, width = pointers.features.shape
        features = np.zeros((num_blocks, _WIDTH, width), np.float32)
        features.reshape(-1, width)[:num] = pointers.features
        units = np.tanh(hidden @ self._hidden + features @ self._features + self._hidden_bias)
        scores = units @ self._output + self._output_bias
        scores = scores.reshape(num_folds, -1, scores.shape[3])[:, :num]
        scores[:, :, 1:] = np.where(pointers.present, scores[:, :, 1:], _NEVER)
        gate = np.exp(scores - scores.max(axis=2, keepdims=True))
        return gate / gate.sum(axis=2, keepdims=True)


class _Cell:
    """One layer's step."""

    def __init__(self, layer: "RecurrentLayer") -> None:
        self._kind = layer.cell
        self._size = layer.recurrent.shape[2]
        self._weight = None if layer.one_hot else _array(layer.weight.mT)[:, None]
        self._bias = _array(layer.bias)[:, None, None]
        self._recurrent = _array(layer.recurrent.mT)[:, None]
        self._recurrent_bias = None if layer.recurrent_bias is None else _array(layer.recurrent_bias)[:, None, None]
        self._peephole = None if layer.peephole is None else _array(layer.peephole)[:, None, None]

    def start(self, num_folds: int, num_blocks: int) -> tuple[Floats, ...]:
        zeros = np.zeros((num_folds, num_blocks, _WIDTH, self._size), np.float32)
        return (zeros, zeros) if self._kind in {"lstm", "peephole"} else (zeros,)

    def from_below(self, x: Floats) -> Floats:
        """Return pre-activations [G, C, W, N] for outputs of the layer below, [G, C, W, K]."""
        assert self._weight is not None
        return x @ self._weight + self._bias

    def step(self, pre: Floats, state: tuple[Floats, ...]) -> tuple[Floats, ...]:
        """Return the state after a step with ``pre`` [G, C, W, N], the contributions of inputs and biases."""
        product: Floats = state[0] @ self._recurrent
        if self._kind == "rnn":
            return (np.tanh(pre + product),)
        if self._recurrent_bias is not None:
            return (self._gru(pre, product, state[0]),)
        product += pre
        return self._lstm(product, state[1])

    def _gru(self, pre: Floats, product: Floats, h: Floats) -> Floats:
        size = self._size
        assert self._recurrent_bias is not None
        r_z = _sigmoid(pre[..., : 2 * size] + product[..., : 2 * size])
        r, z = r_z[..., :size], r_z[..., size:]
        n = np.tanh(pre[..., 2 * size :] + r * (product[..., 2 * size :] + self._recurrent_bias))
        return n + z * (h - n)

    def _lstm(self, a: Floats, c: Floats) -> tuple[Floats, Floats]:
        size = self._size
        p = self._peephole
        if p is not None:
            a[..., :size] += c * p[..., 0, :]
            a[..., size : 2 * size] += c * p[..., 1, :]
        i_f = _sigmoid(a[..., : 2 * size])
        c = i_f[..., size:] * c + i_f[..., :size] * np.tanh(a[..., 2 * size : 3 * size])
        if p is not None:
            a[..., 3 * size :] += c * p[..., 2, :]
        return _sigmoid(a[..., 3 * size :]) * np.tanh(c), c


def _blocks(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the values [B] as [C, W], padded with zeros."""
    blocks = np.zeros((-(-len(values) // _WIDTH), _WIDTH), np.int64)
    blocks.reshape(-1)[: len(values)] = values
    return blocks


def _sigmoid(x: Floats) -> Floats:
    """Return 1 / (1 + exp(-x)) as (1 + tanh(x / 2)) / 2, which cannot overflow."""
    half = np.tanh(x * np.float32(0.5))
    half += np.float32(1.0)
    half *= np.float32(0.5)
    return half


def _array(values: "Tensor") -> Floats:
    return np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)
