"""The composer: the folds' recurrent networks over notes, from past tokens to the distribution of the next token.

Symbols: G folds, T steps, B sequences, V tokens, H units, K embedding width.
Inputs are shifted by one: step t reads token t-1 (BEGIN at the start of a piece) and, with beat = input, the bar
position of note t, which follows from metre, pickup and past durations; with conditioning = upper_voices, also what
the voices above sound then (``models.composer.upper_voices``). The own input row of a token that a fold has
never seen is zero; with factored rows the rows of its pitch and duration remain.

With copying, a gate mixes the softmax with experts that copy from the piece's past (``models.composer.copy_gate``).
"""

import math
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.composer.copy_gate import Copies, CopyGate, copied
from models.composer.rhythm_first import RhythmFirst, Rhythms
from models.composer.upper_voices import UpperVoices
from models.folded.arguments import LayerState, Pointer
from models.folded.cross_entropy import linear_cross_entropy, token_log_probabilities
from models.folded.initial import normal, output_deviation, weight_generators
from models.folded.layers import RecurrentLayer
from models.folded.linear import rows
from models.folded.torch_typing import tensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from data_prep.encodings.vocabulary import MelodyVocabulary
    from models.composer.near_misses import NearMisses
    from models.composer.spec import ComposerSpec
    from models.folded.dropout import DropoutStreams


class FactoredRows(nn.Module):
    """A row for each token: its own row, plus those of its factors (pitch, duration, bar position) if there are any.

    Attributes:
        own: [G, V', N] each token's own row; V' includes the rows of BEGIN and unknown, which follow the tokens.
        factors: [G, F, N] for each factor, a row for each of its F values; empty for unfactored rows.
    """

    def __init__(self, own: Tensor, factors: list[Tensor], values: list[Tensor]) -> None:
        """Set the initial rows.

        Args:
            own: [G, V', N].
            factors: For each factor, [G, F, N].
            values: For each factor, [V'] int64 each token's value.
        """
        super().__init__()
        self.own = nn.Parameter(own)
        self.factors = nn.ParameterList(nn.Parameter(factor) for factor in factors)
        for number, value in enumerate(values):
            self.register_buffer(f"value{number}", value, persistent=False)

    def forward(self) -> Tensor:
        """Return the rows [G, V', N]."""
        table: Tensor = self.own
        for number, factor in enumerate(self.factors):
            table = table + factor.index_select(1, getattr(self, f"value{number}"))
        return table


class ComposerModel(nn.Module):
    """The networks of all folds.

    Attributes:
        begin: The input before a piece's first note.
        unknown: The input for a note without a token.
    """

    def __init__(
        self,
        spec: "ComposerSpec",
        vocabulary: "MelodyVocabulary",
        *,
        seed: int,
        trial: int,
        folds: range | None = None,
    ) -> None:
        """Draw the initial weights, each fold's from its own stream.

        Args:
            spec: The settings.
            vocabulary: Tokens with their factors, and the tokens that each fold knows.
            seed: The search's seed.
            trial: The trial's number.
            folds: The folds whose networks are built; None for all of the vocabulary.
        """
        super().__init__()
        self.spec = spec
        self.begin, self.unknown = vocabulary.num_tokens, vocabulary.num_tokens + 1
        folds = folds or range(vocabulary.num_folds)
        vocabulary = vocabulary.of(folds)
        self._generators = weight_generators(seed, trial, folds)
        seen = tensor(vocabulary.seen)
        self.register_buffer("out_of_vocabulary", torch.where(seen, 0.0, -math.inf), persistent=False)
        self._build_inputs(vocabulary, seen)
        self._build_head(vocabulary)
        self.gate = None
        if spec.copies != "off":
            self.gate = CopyGate(spec.copies, spec.size, spec.copying_units, self._generators)
        del self._generators

    def _drawn(self, *shape: int, std: float) -> Tensor:
        return normal(shape, std, self._generators)

    def _build_inputs(self, vocabulary: "MelodyVocabulary", seen: Tensor) -> None:
        spec, generators = self.spec, self._generators
        num_rows = vocabulary.num_tokens + 2
        one_hot = spec.input == "token"
        known = torch.cat([seen, seen.new_tensor([[True, False]]).expand(len(seen), 2)], dim=1)

        def layer(num_inputs: int, *, one_hot: bool) -> RecurrentLayer:
            return RecurrentLayer(
                spec.cell, num_inputs, spec.size, one_hot=one_hot, generators=generators, initial=spec.initial
            )

        first = layer(num_rows if one_hot else spec.embedding, one_hot=one_hot)
        self.layers = nn.ModuleList([first, *(layer(spec.size, one_hot=False) for _ in range(spec.layers - 1))])
        self.embedding = None
        if one_hot:
            _masked(first.weight.data, known)
        else:
            values = _factor_values(vocabulary, spec.beat, num_extra=2)
            std = 1.0 / math.sqrt(len(values) + 1)
            own = _masked(self._drawn(num_rows, spec.embedding, std=std), known)
            factors = [self._drawn(int(value.max()) + 1, spec.embedding, std=std) for value in values]
            self.embedding = FactoredRows(own, factors, values)
        width = first.weight.shape[2] if one_hot else spec.embedding
        self.beat = None
        if spec.beat == "input":
            known = tensor(np.pad(vocabulary.seen_position, ((0, 0), (0, 1))))
            scale = 1.0 / math.sqrt(spec.size) if one_hot else 1.0
            self.beat = nn.Parameter(_masked(self._drawn(known.shape[1], width, std=scale), known))
        self.upper = UpperVoices(len(seen), width) if spec.conditioning == "upper_voices" else None

    def _build_head(self, vocabulary: "MelodyVocabulary") -> None:
        spec = self.spec
        values = _factor_values(vocabulary, spec.beat, num_extra=0) if spec.head == "factored" else []
        self.rhythm = None
        if spec.factorisation == "joint":
            self.head_weight, self.head_bias = self._output_rows(vocabulary.num_tokens, values)
            return
        # Given the rhythm, its own factors are constant.
        self.head_weight, self.head_bias = self._output_rows(vocabulary.num_tokens, values[:1])
        rhythms = Rhythms(vocabulary)
        in_tokens = spec.head == "factored" and spec.beat == "target"
        factors = [_numbered(factor) for factor in (rhythms.duration, rhythms.position)] if in_tokens else []
        self.rhythm = RhythmFirst(*self._output_rows(len(rhythms.duration), factors), vocabulary)

    def _output_rows(self, num_rows: int, values: list[Tensor]) -> tuple[FactoredRows, FactoredRows]:
        """Return the initial output weights [G, num_rows, H] and biases [G, num_rows, 1]."""
        std = output_deviation(self.spec.initial, self.spec.size, len(values) + 1)
        sizes = [int(value.max()) + 1 for value in values]
        own = self._drawn(num_rows, self.spec.size, std=std)
        weight = FactoredRows(own, [self._drawn(size, self.spec.size, std=std) for size in sizes], values)
        zeros = [torch.zeros(len(own), size, 1) for size in sizes]
        return weight, FactoredRows(torch.zeros(*own.shape[:2], 1), zeros, values)

    def hidden(
        self,
        tokens: Tensor,
        positions: Tensor,
        dropout: "DropoutStreams | None" = None,
        state: list[LayerState] | None = None,
        upper: Tensor | None = None,
    ) -> tuple[Tensor, list[LayerState]]:
        """Run the recurrent layers.

        Args:
            tokens: [G, T, B] int64 inputs: tokens, ``begin`` or ``unknown``.
            positions: [G, T, B] int64 bar positions of the notes to be predicted; used only with beat = input.
            dropout: The streams of masks; None for no dropout.
            state: Each layer's state before the first step; None for zeros.
            upper: [G, T, B, F] rows of ``upper_voices``; used only with conditioning = upper_voices.

        Returns:
            [G, T, B, H] the last layer's output after dropout, and each layer's state after the last step.
        """
        states: list[LayerState] = []
        extra, x = self._extra(positions, upper), tokens
        for number, layer in enumerate(cast("Iterable[RecurrentLayer]", self.layers)):
            before = None if state is None else state[number]
            if number > 0:
                x, after = layer.from_dense(x, before)
            elif self.embedding is None:
                x, after = layer.from_rows(tokens, extra, before)
            else:
                x, after = layer.from_dense(self._embedded(tokens, extra, dropout), before)
            states.append(after)
            if dropout is not None:
                x = dropout.drop(x, self.spec.dropout)
        return x, states

    def _extra(self, positions: Tensor, upper: Tensor | None) -> Tensor | None:
        """Return [G, T, B, N] the inputs besides the past token; None if there are none."""
        extra = None if self.beat is None else rows(self.beat, positions)
        if self.upper is None:
            return extra
        assert upper is not None
        return self.upper(upper) if extra is None else extra + self.upper(upper)

    def _embedded(self, tokens: Tensor, extra: Tensor | None, dropout: "DropoutStreams | None") -> Tensor:
        assert self.embedding is not None
        x = rows(self.embedding(), tokens)
        if extra is not None:
            x = x + extra
        return x if dropout is None else dropout.drop(x, self.spec.embedding_dropout)

    def head(self) -> tuple[Tensor, Tensor]:
        """Return the weights [G, V, H] and biases [G, V] of tokens' logits; -inf outside a fold's vocabulary."""
        return self.head_weight(), self.head_bias().squeeze(2) + self.out_of_vocabulary

    def losses(
        self,
        tokens: Tensor,
        positions: Tensor,
        targets: Tensor,
        share: Tensor,
        dropout: "DropoutStreams | None",
        copies: Copies | None = None,
        near_misses: "NearMisses | None" = None,
        upper: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return each fold's loss.

        Args:
            tokens: [G, T, B] see ``hidden``.
            positions: [G, T, B] see ``hidden``.
            targets: [G, T, B] int64 tokens to be predicted.
            share: [G, T, B] weight of each note, 0 for padding.
            dropout: See ``hidden``.
            copies: The experts' predictions of these notes; None if the model does not copy.
            near_misses: The near misses that the network's own cross-entropy forgives; None for the exact one.
            upper: See ``hidden``.

        Returns:
            [G] nats to be differentiated, including ``copying_own_loss`` times the network's own cross-entropy if the
            model copies, and [G] nats of the prediction alone, exact and detached.
        """
        hidden, _ = self.hidden(tokens, positions, dropout, upper=upper)
        weight, bias = self.head()
        pointer = None
        if self.gate is not None:
            assert copies is not None
            log_gate = self.gate(hidden, copies.features, copies.present)
            probability = copied(log_gate, copies.hits)
            pointer = Pointer(log_gate[..., 0].flatten(1), probability.flatten(1), self.spec.copying_own_loss)
        notes = (hidden.flatten(1, 2), weight, bias, targets.flatten(1), share.flatten(1))
        if self.rhythm is not None:
            return self.rhythm.losses(*notes, pointer)
        loss, nats = linear_cross_entropy(*notes, pointer)
        if near_misses is not None:
            own_loss = 1.0 if pointer is None else pointer.own_loss
            loss = loss + self.spec.near_miss * own_loss * near_misses.penalty(*notes)
        return loss, nats

    def log_probabilities(
        self,
        tokens: Tensor,
        positions: Tensor,
        asked: Tensor,
        dropout: "DropoutStreams | None" = None,
        copies: Copies | None = None,
        upper: Tensor | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the network's log probabilities of chosen next tokens and the log gates, outside autograd.

        Args:
            tokens: [G, T, B] see ``hidden``.
            positions: [G, T, B] see ``hidden``.
            asked: [G, T, B, K] int64 chosen tokens, negative for none.
            dropout: See ``hidden``.
            copies: The experts' predictions of these notes; None if the model does not copy.
            upper: See ``hidden``.

        Returns:
            [G, T, B, K] nats, and [G, T, B, 1 + J] nats; the latter is None if the model does not copy.
        """
        with torch.no_grad():
            hidden, _ = self.hidden(tokens, positions, dropout, upper=upper)
            weight, bias = self.head()
            log_probabilities = token_log_probabilities if self.rhythm is None else self.rhythm.log_probabilities
            log_p = log_probabilities(hidden.flatten(1, 2), weight, bias, asked.flatten(1, 2))
            log_gate = None
            if self.gate is not None:
                assert copies is not None
                log_gate = self.gate(hidden, copies.features, copies.present)
        return log_p.view(asked.shape), log_gate


def _masked(table: Tensor, known: Tensor) -> Tensor:
    """Zero the rows of [G, N, K] that a fold does not know by [G, N], in place."""
    return table if table.is_meta else table.mul_(known.unsqueeze(2).to(table.device))  # see folded.initial


def _factor_values(vocabulary: "MelodyVocabulary", beat: str, *, num_extra: int) -> list[Tensor]:
    """Return for each factor [V + num_extra] int64 the tokens' values, from 0; the extra rows share a further value."""
    factors = [vocabulary.token_pitch, vocabulary.token_duration]
    if beat == "target":
        factors.append(vocabulary.token_position)
    return [_numbered(factor, num_extra) for factor in factors]


def _numbered(factor: NDArray[np.int64], num_extra: int = 0) -> Tensor:
    """Return [N + num_extra] int64 the values of a factor [N], from 0; the extra rows share a further value."""
    used, number = np.unique(factor, return_inverse=True)
    return tensor(np.pad(number, (0, num_extra), constant_values=len(used)))
