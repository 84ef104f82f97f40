"""A prompt as tokens of a model.

Symbols: n notes of the prompt.
"""

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
    sounded = vocabulary.token_pitch - shift
    possible = (vocabulary.token_pitch == REST_PITCH) | ((sounded >= 0) & (sounded < NUM_PITCHES))
    known = np.flatnonzero(writable(vocabulary) & possible)
    token_pitch, duration_of = vocabulary.token_pitch[known], vocabulary.token_duration[known]
    rests = token_pitch == REST_PITCH
    lengths = np.array([float(duration) for duration in vocabulary.durations])
    places = np.array([float(position) for position in vocabulary.positions])[vocabulary.token_position[known]]
    tokens: list[int | None] = []
    pitches: list[int] = []
    durations: list[Fraction] = []
    onset = Fraction(0)
    notes = list(zip(prompt.pitch, prompt.duration, strict=True))[:num_notes]
    for pitch, duration in notes:
        is_rest = pitch == REST
        away = np.abs(token_pitch - (pitch + shift))
        distances = (  # the last is the primary key
            np.abs(places - float((onset - pickup) % bar_length)),
            np.where(is_rest, 0, away),
            np.where(is_rest, 0, away % 12 != 0),
            np.abs(lengths[duration_of] - float(duration)),
            rests != is_rest,
        )
        best = int(np.lexsort(distances)[0])
        is_read = bool(rests[best]) == is_rest
        tokens.append(int(known[best]) if is_read else None)
        pitches.append(int(token_pitch[best]) - shift if is_read and not is_rest else pitch)
        durations.append(vocabulary.durations[int(duration_of[best])])
        onset += durations[-1]
    replaced = sum(before != after for before, after in zip(notes, zip(pitches, durations, strict=True), strict=True))
    return PromptEvents(tuple(tokens), tuple(pitches), tuple(durations), replaced)
