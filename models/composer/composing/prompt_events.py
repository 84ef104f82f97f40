"""A prompt as tokens of a model.

Symbols: n notes of the prompt.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import REST_PITCH
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.notation import Tune
from models.composer.composing.note_rules import writable


@dataclass(frozen=True)
class PromptEvents:
    """The notes of a prompt.

    Attributes:
        token: [n] tokens, None for a rest if the model reads no rests.
        pitch: [n] MIDI pitches in the tune's key, REST for a rest.
        duration: [n] durations (quarter notes).
        num_replaced: Number of notes whose pitch or duration was replaced.
    """

    token: tuple[int | None, ...]
    pitch: tuple[int, ...]
    duration: tuple[Fraction, ...]
    num_replaced: int


def prompt_events(
    prompt: Tune, vocabulary: MelodyVocabulary, *, num_notes: int, shift: int, bar_length: Fraction, pickup: Fraction
) -> PromptEvents:
    """Convert a prompt to tokens.

    A note that the model does not know, or that cannot be notated, is replaced by the nearest known note: that of the
    nearest duration, and among those the nearest pitch of the same pitch class, or the nearest pitch if there is none.
    Among several tokens of an event, the token of the note's bar position is taken, or that of the nearest position.

    Args:
        prompt: The tune.
        vocabulary: The tokens.
        num_notes: Number of notes to take from the beginning.
        shift: Semitones from the tune's key to the model's frame.
        bar_length: Length of a full bar (quarter notes).
        pickup: Length of the pickup (quarter notes).

    Returns:
        The prompt.
    """
    known = _Known(vocabulary, shift, bar_length, pickup)
    tokens: list[int | None] = []
    pitches: list[int] = []
    durations: list[Fraction] = []
    onset = Fraction(0)
    notes = list(zip(prompt.pitch, prompt.duration, strict=True))[:num_notes]
    for pitch, duration in notes:
        token, is_read = known.nearest(onset, pitch, duration)
        tokens.append(token if is_read else None)
        pitches.append(int(vocabulary.token_pitch[token]) - shift if is_read and pitch != REST else pitch)
        durations.append(vocabulary.durations[int(vocabulary.token_duration[token])])
        onset += durations[-1]
    replaced = sum(before != after for before, after in zip(notes, zip(pitches, durations, strict=True), strict=True))
    return PromptEvents(tuple(tokens), tuple(pitches), tuple(durations), replaced)


def nearest_tokens(
    notes: Iterable[tuple[Fraction, int, Fraction]],
    vocabulary: MelodyVocabulary,
    *,
    shift: int,
    bar_length: Fraction,
    pickup: Fraction,
) -> list[int | None]:
    """Return the tokens by which a model reads notes, chosen as in ``prompt_events``; None for a rest that it does not.

    Args:
        notes: Onset (quarter notes), MIDI pitch or REST, and duration (quarter notes) of each note.
        vocabulary: The tokens.
        shift: Semitones from the tune's key to the model's frame.
        bar_length: Length of a full bar (quarter notes).
        pickup: Length of the pickup (quarter notes).

    Returns:
        The token of each note.
    """
    known = _Known(vocabulary, shift, bar_length, pickup)
    nearest = (known.nearest(*note) for note in notes)
    return [token if is_read else None for token, is_read in nearest]


class _Known:
    """The notes that a model knows and that can be notated."""

    def __init__(self, vocabulary: MelodyVocabulary, shift: int, bar_length: Fraction, pickup: Fraction) -> None:
        sounded = vocabulary.token_pitch - shift
        possible = (vocabulary.token_pitch == REST_PITCH) | ((sounded >= 0) & (sounded < NUM_PITCHES))
        self._tokens = np.flatnonzero(writable(vocabulary) & possible)
        self._pitch = vocabulary.token_pitch[self._tokens]
        self._rests = self._pitch == REST_PITCH
        lengths = np.array([float(duration) for duration in vocabulary.durations])
        self._length = lengths[vocabulary.token_duration[self._tokens]]
        places = np.array([float(position) for position in vocabulary.positions])
        self._place = places[vocabulary.token_position[self._tokens]]
        self._shift, self._bar_length, self._pickup = shift, bar_length, pickup

    def nearest(self, onset: Fraction, pitch: int, duration: Fraction) -> tuple[int, bool]:
        """Return the token of the nearest known note, and whether it is a rest only if the note is one."""
        is_rest = pitch == REST
        away = np.abs(self._pitch - (pitch + self._shift))
        distances = (  # the last is the primary key
            np.abs(self._place - float((onset - self._pickup) % self._bar_length)),
            np.where(is_rest, 0, away),
            np.where(is_rest, 0, away % 12 != 0),
            np.abs(self._length - float(duration)),
            self._rests != is_rest,
        )
        best = int(np.lexsort(distances)[0])
        return int(self._tokens[best]), bool(self._rests[best]) == is_rest
