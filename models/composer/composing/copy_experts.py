"""The copying experts while tunes are composed: the votes of ``data_prep.melodies.votes``, one note at a time.

Symbols: B tunes, n notes so far, J experts, V tokens, D durations, S bar positions.
"""

from collections.abc import Sequence
from copy import copy
from typing import NamedTuple, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import NUM_GRID_PITCHES, REST_PITCH
from data_prep.melodies.repetition import LONGEST, Ints
from data_prep.melodies.votes import BARS_BACK, NUM_MATCHES, VOTE
from data_prep.pitches import NUM_PITCHES
from models.composer.composing.note_rules import Bars
from models.composer.copy_gate import NUM_EXPERTS, Copying, gate_features

Floats: TypeAlias = NDArray[np.float64]

_ABSENT = -1


class Pointers(NamedTuple):
    """The experts' votes for the next note of every tune.

    Attributes:
        features: [B, F] features for the gate.
        present: [B, J] bool, whether each expert is present.
        row: [k] the tune of each event that an expert votes for.
        expert: [k] the expert.
        token: [k] the event's token at the bar position; events without a token are left out.
        share: [k] the event's share of the expert's votes.
    """

    features: NDArray[np.float32]
    present: NDArray[np.bool_]
    row: Ints
    expert: Ints
    token: Ints
    share: Floats


class CopyExperts:
    """The experts over B tunes that grow note by note."""

    def __init__(
        self, vocabulary: MelodyVocabulary, copying: Copying, bars: Sequence[Bars], *, beat_in_tokens: bool
    ) -> None:
        """Start before the first note.

        Args:
            vocabulary: The tokens.
            copying: The choice of experts.
            bars: [B] the tunes' bars.
            beat_in_tokens: Whether the bar position is part of a token.
        """
        self._vocabulary = vocabulary
        self._num_durations = len(vocabulary.durations)
        self._num_experts = NUM_EXPERTS[copying]
        self._carriers = _carriers(vocabulary, beat_in_tokens=beat_in_tokens)
        self._events, self._intervals = _Match(len(bars)), _Match(len(bars))
        self._latest = np.full(len(bars), _ABSENT)  # [B] the latest pitch
        self._rows_at: list[dict[int, int]] = [{} for _ in bars]  # for each tune, notes by onset
        self._set_bars(bars)
        self._back = np.full((len(bars), len(BARS_BACK)), _ABSENT)  # [B, experts for bars] the note to be copied
        self._agreement = np.zeros_like(self._back)

    def _set_bars(self, bars: Sequence[Bars]) -> None:
        self._bars = bars
        self._lags = [[number * of_tune.length for number in BARS_BACK] for of_tune in bars]
        self._tunes = np.arange(len(bars))[:, None]

    def repeat_first(self, bars: Sequence[Bars]) -> Self:
        """Continue with tunes that begin with the notes of the first one; shallow copies stay as they are."""
        count = len(bars)
        self._set_bars(bars)
        self._events = copy(self._events).repeat_first(count)
        self._intervals = copy(self._intervals).repeat_first(count)
        self._latest = np.repeat(self._latest[:1], count)
        self._back = np.repeat(self._back[:1], count, axis=0)
        self._agreement = np.repeat(self._agreement[:1], count, axis=0)
        self._rows_at = [dict(self._rows_at[0]) for _ in bars]
        return self

    def look(self, onset: Sequence[int], position: Ints) -> Pointers:
        """Return the votes for the next notes.

        Args:
            onset: [B] onset of each tune's next note (ticks).
            position: [B] number of its bar position, S if the vocabulary lacks it.

        Returns:
            The votes.
        """
        votes = np.zeros((len(self._bars), self._num_experts), VOTE)
        matches = [self._events.votes(votes[:, 0]), self._moved(*self._intervals.votes(votes[:, 1]))]
        row, event, share = (np.concatenate(parts) for parts in zip(*matches, strict=True))
        expert = np.repeat(np.arange(NUM_MATCHES), [len(rows) for rows, _, _ in matches])
        if self._num_experts > NUM_MATCHES:
            earlier, back = self._look_back(votes[:, NUM_MATCHES:], onset)
            row, expert = np.append(row, earlier), np.append(expert, NUM_MATCHES + back)
            event = np.append(event, self._events.code[earlier, self._back[earlier, back]])
            share = np.append(share, np.ones(len(earlier)))
        token = self._carriers[event, position[row] if self._carriers.shape[1] > 1 else 0]
        carried = token >= 0
        bar = [(begin - bars.pickup) // bars.length for bars, begin in zip(self._bars, onset, strict=True)]
        return Pointers(
            features=gate_features(votes, np.array(bar, np.int32), np.full(len(votes), self._events.size)),
            present=votes["length"] >= 0,
            row=row[carried],
            expert=expert[carried],
            token=token[carried],
            share=share[carried],
        )

    def add(self, token: Ints, onset: Sequence[int]) -> None:
        """Append a note to every tune.

        Args:
            token: [B] the note's token.
            onset: [B] the note's onset (ticks).
        """
        for at, begin in zip(self._rows_at, onset, strict=True):
            at[begin] = self._events.size
        pitch, duration = self._vocabulary.token_pitch[token], self._vocabulary.token_duration[token]
        event = pitch * self._num_durations + duration
        agree = (self._back >= 0) & (self._events.code[self._tunes, self._back] == event[:, None])
        self._agreement = np.where(agree, np.minimum(self._agreement + 1, LONGEST), 0)
        self._events.add(event)
        is_rest = pitch == REST_PITCH
        interval = np.where(is_rest, REST_PITCH, (pitch - self._latest) % NUM_PITCHES)
        self._intervals.add(np.where(self._latest >= 0, interval * self._num_durations + duration, _ABSENT))
        self._latest = np.where(is_rest, self._latest, pitch)

    def _moved(self, row: Ints, interval: Ints, share: Floats) -> tuple[Ints, Ints, Floats]:
        """Convert votes for intervals to votes for events after the latest pitches: tunes, events and shares."""
        pitch, duration = np.divmod(interval, self._num_durations)
        pitch = np.where(pitch == REST_PITCH, REST_PITCH, (pitch + self._latest[row]) % NUM_PITCHES)
        return row, pitch * self._num_durations + duration, share

    def _look_back(self, votes: NDArray[np.void], onset: Sequence[int]) -> tuple[Ints, Ints]:
        """Write the votes of the experts for bars, and return tunes and experts of those that are present."""
        if self._vocabulary.looks_back:
            places = zip(self._rows_at, self._lags, onset, strict=True)
            self._back = np.array([[at.get(begin - lag, _ABSENT) for lag in lags] for at, lags, begin in places])
        present = self._back >= 0
        votes["length"] = np.where(present, self._agreement, _ABSENT)
        votes["votes"] = votes["top"] = present
        tune, expert = np.nonzero(present)
        return tune.astype(np.int64), expert.astype(np.int64)


class _Match:
    """The longest match in each of B texts of equal length; see ``data_prep.melodies.repetition``.

    ``code`` [B, size or more] contains the texts.
    """

    def __init__(self, num_texts: int) -> None:
        self.size = 0
        self.code = np.zeros((num_texts, 64), np.int64)
        self._agreement = np.zeros_like(self.code)  # [B, s] how many codes before s agree with the latest ones

    def repeat_first(self, count: int) -> Self:
        """Continue with copies of the first text; shallow copies of the match are not changed."""
        self.code = np.repeat(self.code[:1], count, axis=0)
        self._agreement = np.repeat(self._agreement[:1], count, axis=0)
        return self

    def add(self, code: Ints) -> None:
        """Append [B] codes; _ABSENT matches nothing."""
        size = self.size
        if size == self.code.shape[1]:
            self.code = np.pad(self.code, ((0, 0), (0, size)))
            self._agreement = np.pad(self._agreement, ((0, 0), (0, size)))
        same = (self.code[:, :size] == code[:, None]) & (code >= 0)[:, None]
        longer = np.where(same, np.minimum(self._agreement[:, :size] + 1, LONGEST), 0)
        self._agreement[:, 1 : size + 1] = longer
        self.code[:, size] = code
        self.size += 1

    def votes(self, votes: NDArray[np.void]) -> tuple[Ints, Ints, Floats]:
        """Write [B] votes, and return the texts, codes and shares of the votes."""
        votes["length"] = _ABSENT
        if not self.size:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        code = self.code[:, : self.size]
        length = np.where(code >= 0, self._agreement[:, : self.size], _ABSENT)
        longest = length.max(axis=1)
        votes["length"] = longest
        row, place = np.nonzero((length == longest[:, None]) & (longest >= 0)[:, None])
        base = int(code.max()) + 1
        voted = np.sort(row * base + code[row, place])
        first = np.flatnonzero(np.append(True, voted[1:] != voted[:-1]) if len(voted) else voted)
        count = np.diff(np.append(first, len(voted)))
        row, event = np.divmod(voted[first], base)
        votes["votes"] = np.bincount(row, count, len(code))
        top = np.zeros(len(code), np.int64)
        np.maximum.at(top, row, count)
        votes["top"] = top
        return row, event, count / votes["votes"][row]


def _carriers(vocabulary: MelodyVocabulary, *, beat_in_tokens: bool) -> Ints:
    """Return [129 * D, S + 1] the token of each event at each bar position, or [129 * D, 1]; _ABSENT for none."""
    num_places = len(vocabulary.positions) + 1 if beat_in_tokens else 1
    carriers = np.full((NUM_GRID_PITCHES * len(vocabulary.durations), num_places), _ABSENT)
    event = vocabulary.token_pitch * len(vocabulary.durations) + vocabulary.token_duration
    carriers[event, vocabulary.token_position if beat_in_tokens else 0] = np.arange(vocabulary.num_tokens)
    return carriers
