"""The model over tunes that are composed together, note by note.

Symbols: B tunes, V tokens, F rows of upper voices.
"""

from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.upper_voices import heard, no_voices
from data_prep.tunes.notation import DIVISIONS, Tune
from models.composer.composing.copy_experts import CopyExperts
from models.composer.composing.draft import Draft
from models.composer.composing.sampling import drawn, recall, shaped
from models.composer.composing.steps import ComposerSteps
from models.composer.spec import ComposerSpec
from models.composer.upper_voices import upper_rows
from models.uses.request import SamplingRequest


class Batch:
    """The model over B tunes.

    Attributes:
        drafts: [B] the tunes.
    """

    def __init__(
        self,
        spec: ComposerSpec,
        vocabulary: MelodyVocabulary,
        steps: ComposerSteps,
        drafts: Sequence[Draft],
        above: Sequence[Tune] = (),
    ) -> None:
        """Begin the tunes.

        Args:
            spec: The model's settings.
            vocabulary: The tokens.
            steps: The networks.
            drafts: [B] tunes without notes.
            above: Higher voices that they hear, from the top.
        """
        self.drafts, self._vocabulary, self._steps = drafts, vocabulary, steps
        self._state = steps.start(len(drafts))
        self._tokens = np.full(len(drafts), steps.begin, np.int64)
        self._above, self._shift = [_in_ticks(voice) for voice in above], [draft.heading.shift for draft in drafts]
        self._experts = None
        if spec.copies != "off":
            bars = [draft.bars for draft in drafts]
            self._experts = CopyExperts(vocabulary, spec.copies, bars, beat_in_tokens=spec.beat == "target")

    def repeat_first(self, drafts: Sequence[Draft]) -> Self:
        """Continue with drafts that begin like the first one; shallow copies of the batch are not changed."""
        self.drafts, self._state = drafts, self._steps.repeat_first(self._state, len(drafts))
        self._tokens = np.repeat(self._tokens[:1], len(drafts))
        self._shift = self._shift[:1] * len(drafts)
        if self._experts is not None:
            self._experts = copy(self._experts).repeat_first([draft.bars for draft in drafts])
        return self

    def extend(self, rows: Sequence[int], request: SamplingRequest) -> None:
        """Sample the next note of some tunes, or append the one that is kept there. The others are not used again."""
        log_p = self.log_probabilities()
        u, lengths = np.zeros(len(log_p)), dict[int, int | None]()
        for row in rows:
            draft = self.drafts[row]
            if (kept := draft.kept()) is not None:
                assert kept.token is not None, "the caller has appended what the model does not read"
                draft.weigh(float(log_p[row, kept.token]))
                log_p[row] = -np.inf
                log_p[row, kept.token] = 0.0
                continue
            if (recalled := draft.recalled()) is not None:
                recall(log_p[row], recalled)
            allowed = draft.allowed()
            np.copyto(log_p[row], -np.inf, where=~allowed.tokens)
            u[row], lengths[row] = draft.random.random(), allowed.length
        tokens = drawn(shaped(log_p, request.temperature, request.top_k, request.top_p), u)
        self.add(tokens)
        for row in rows:
            draft, token = self.drafts[row], int(tokens[row])
            if (kept := draft.kept()) is not None:
                draft.append(kept)
            else:
                draft.add(token, int(self._vocabulary.token_pitch[token]), lengths[row])

    def log_probabilities(self) -> NDArray[np.float64]:
        """Return [B, V] log probabilities of every tune's next token (nats), meaningless for finished tunes."""
        positions = np.array([draft.position for draft in self.drafts])
        pointers = self._experts and self._experts.look([draft.onset for draft in self.drafts], positions)
        return self._steps.step(self._tokens, positions, self._state, pointers, self._heard())

    def _heard(self) -> NDArray[np.int64] | None:
        """Return [B, F] what the next note of every tune hears; None without voices above."""
        if not self._above:
            return None
        now = np.array([draft.onset for draft in self.drafts])
        upper = no_voices(len(now))
        for number, voice in enumerate(self._above):
            upper[:, number] = heard(now, *voice, DIVISIONS)
        return upper_rows(upper, np.array(self._shift))

    def add(self, tokens: NDArray[np.int64]) -> None:
        """Append [B] tokens at the onsets of the drafts' next notes."""
        self._tokens = tokens
        if self._experts is not None:
            self._experts.add(tokens, [draft.onset for draft in self.drafts])


def _in_ticks(voice: Tune) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the beginning and the end of each note of a voice (ticks), and its pitch."""
    ends = np.array(
        [int((onset + length) * DIVISIONS) for onset, length in zip(voice.onsets(), voice.duration, strict=True)]
    )
    begins = np.array([int(onset * DIVISIONS) for onset in voice.onsets()])
    return begins, ends, np.array(voice.pitch, np.int64)
