"""The output that predicts the rhythm of a note first, and its pitch given the rhythm.

    log p(x) = log p(r | h) + log p(x | r, h)

The rhythm r of a token x is its duration and, with the beat in tokens, its bar position. Both distributions are
softmaxes: over all rhythms, and over the tokens with rhythm r. By the chain rule the product is a distribution over
tokens like the joint softmax, so that scores, copies and composing need nothing else. It is the two-level softmax of
Goodman 2001, "Classes for fast maximum entropy training", with rhythms as classes.

Symbols: G folds, M notes, H units, V tokens, R rhythms, N the largest number of tokens of a rhythm, K requested tokens.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data_prep.encodings.vocabulary import MelodyVocabulary
from models.folded.arguments import Pointer
from models.folded.cross_entropy import linear_cross_entropy, token_log_probabilities
from models.folded.linear import linear
from models.folded.torch_typing import tensor

_TOGETHER = 512
"""Notes of a fold that are scored together, so that little memory is taken."""


class Rhythms:
    """The rhythms of a vocabulary.

    Attributes:
        of_token: [V] int64 the rhythm of each token.
        duration: [R] the duration of each rhythm.
        position: [R] its bar position, 0 unless the beat is part of tokens.
    """

    def __init__(self, vocabulary: MelodyVocabulary) -> None:
        """Number the rhythms."""
        pairs = np.stack([vocabulary.token_duration, vocabulary.token_position])
        different, of_token = np.unique(pairs, axis=1, return_inverse=True)
        self.of_token = of_token.reshape(-1).astype(np.int64)
        self.duration, self.position = different

    def known(self, seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return [G, R] the rhythms of the tokens [G, V] that a fold knows."""
        return np.stack([np.bincount(self.of_token, of_fold) > 0 for of_fold in seen])


class RhythmFirst(nn.Module):
    """The softmax over rhythms, and the one over the tokens of a rhythm, whose weights are those of the joint softmax.

    Attributes:
        weight: Returns the output weights [G, R, H] of rhythms.
        bias: Returns their biases [G, R, 1].
        of_token: [V] int64 the rhythm of each token.
        order: [V] int64 the tokens in the order of their rhythms.
        first: [R] int64 the place of each rhythm's first token in this order.
        size: [R] int64 the number of its tokens.
    """

    of_token: Tensor
    order: Tensor
    first: Tensor
    size: Tensor

    def __init__(self, weight: nn.Module, bias: nn.Module, vocabulary: MelodyVocabulary) -> None:
        """Use output weights and biases of rhythms in the order of ``Rhythms``."""
        super().__init__()
        self.weight, self.bias = weight, bias
        rhythms = Rhythms(vocabulary)
        known = tensor(rhythms.known(vocabulary.seen))
        self.register_buffer("out_of_vocabulary", torch.where(known, 0.0, -math.inf), persistent=False)
        size = np.bincount(rhythms.of_token)
        self._most = int(size.max())  # N
        self.register_buffer("of_token", tensor(rhythms.of_token), persistent=False)
        self.register_buffer("order", tensor(np.argsort(rhythms.of_token, kind="stable")), persistent=False)
        self.register_buffer("first", tensor(np.cumsum(size) - size), persistent=False)
        self.register_buffer("size", tensor(size), persistent=False)

    def head(self) -> tuple[Tensor, Tensor]:
        """Return the weights [G, R, H] and biases [G, R] of rhythms' logits; -inf for those a fold does not know."""
        return self.weight(), self.bias().squeeze(2) + self.out_of_vocabulary

    def losses(
        self, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor, pointer: Pointer | None
    ) -> tuple[Tensor, Tensor]:
        """Return losses; see :func:`models.folded.cross_entropy.linear_cross_entropy`.

        In the mixture with a pointer the softmax over rhythms has the weight of the network times p(x | r, h).
        """
        log_p = self._given_rhythm(hidden, weight, bias, target.unsqueeze(2)).squeeze(2).masked_fill(share == 0, 0.0)
        of_pitches = -(log_p * share).sum(1)
        notes = (hidden, *self.head(), self.of_token[target], share)
        if pointer is None:
            loss, nats = linear_cross_entropy(*notes)
            return loss + of_pitches, nats + of_pitches.detach()
        loss, nats = linear_cross_entropy(*notes, replace(pointer, log_weight=pointer.log_weight + log_p))
        return loss + pointer.own_loss * of_pitches, nats

    def log_probabilities(self, hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
        """Return values; see :func:`models.folded.cross_entropy.token_log_probabilities`."""
        rhythms = torch.where(tokens < 0, tokens, self.of_token[tokens.clamp_min(0)])
        of_rhythms = token_log_probabilities(hidden, *self.head(), rhythms)
        parts = [slice(first, first + _TOGETHER) for first in range(0, hidden.shape[1], _TOGETHER)]
        with torch.no_grad():
            given = [self._given_rhythm(hidden[:, part], weight, bias, tokens[:, part]) for part in parts]
        return of_rhythms + torch.cat(given, dim=1)

    def _given_rhythm(self, hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
        """Return [G, M, K] log p(x | r, h) of tokens [G, M, K]; -inf for negative ones and those a fold does not know.

        The fellows of a token that its fold knows are never all unknown, whose softmax would be NaN. So the others are
        replaced by one that is known.
        """
        finite = torch.isfinite(bias)
        clamped = tokens.clamp_min(0)
        known = finite.gather(1, clamped.flatten(1)).view_as(tokens) & (tokens >= 0)
        asked = torch.where(known, clamped, finite.int().argmax(1)[:, None, None])
        logits = linear(hidden, weight, bias)
        fellows, inside = self._fellows(self.of_token[asked])
        of_fellows = logits.gather(2, fellows.flatten(2)).view_as(fellows).masked_fill(~inside, -math.inf)
        log_p = logits.gather(2, asked) - torch.logsumexp(of_fellows, dim=3)
        return log_p.masked_fill(~known, -math.inf)

    def _fellows(self, rhythm: Tensor) -> tuple[Tensor, Tensor]:
        """Return the tokens of rhythms [...], [..., N], and whether each is one; the others are padding."""
        number = torch.arange(self._most, device=rhythm.device)
        place = (self.first[rhythm].unsqueeze(-1) + number).clamp_max(len(self.order) - 1)
        return self.order[place], number < self.size[rhythm].unsqueeze(-1)
