"""A prompt in a model's own words: each given note as the token that the model reads for it.

Symbols: n notes, V tokens.
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
        token: [n] what the model reads, None for a rest if it reads no rests.
        pitch: [n] MIDI pitches in the tune's key, REST for a rest.
        duration: [n] quarter notes.
        num_replaced: How many pitches or durations are not as they were given.
    """

    token: tuple[int | None, ...]
    pitch: tuple[int, ...]
    duration: tuple[Fraction, ...]
    num_replaced: int


def prompt_events(
    prompt: Tune, vocabulary: MelodyVocabulary, *, num_notes: int, shift: int, bar_length: Fraction, pickup: Fraction
) -> PromptEvents:
    """Put a prompt into a model's words.

    What the model does not know, or nobody can write, is replaced by the nearest that it knows: the nearest duration,
    with it the nearest pitch of the same pitch class, or of any if there is none. Of several tokens for one event the
    one at the note's place in the bar is read, or at the nearest place.

    Args:
        prompt: The notes.
        vocabulary: What tokens mean.
        num_notes: How many of them are given, from the first.
        shift: Semitones from the tune's key to the model's frame.
        bar_length: Of a full bar, in quarter notes.
        pickup: Of the tune, in quarter notes.

    Returns:
        The prompt.
    """
    sounded = vocabulary.token_pitch - shift
    possible = (vocabulary.token_pitch == REST_PITCH) | ((sounded >= 0) & (sounded < NUM_PITCHES))
    known = np.flatnonzero(writable(vocabulary) & possible)
    token_pitch, duration_of = vocabulary.token_pitch[known], vocabulary.token_duration[known]
    rests = token_pitch == REST_PITCH
    lengths = np.array([float(one) for one in vocabulary.durations])
    places = np.array([float(one) for one in vocabulary.positions])[vocabulary.token_position[known]]
    tokens: list[int | None] = []
    pitches: list[int] = []
    durations: list[Fraction] = []
    onset = Fraction(0)
    asked = list(zip(prompt.pitch, prompt.duration, strict=True))[:num_notes]
    for pitch, duration in asked:
        is_rest = pitch == REST
        away = np.abs(token_pitch - (pitch + shift))
        distances = (  # the last counts first
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
    replaced = sum(before != after for before, after in zip(asked, zip(pitches, durations, strict=True), strict=True))
    return PromptEvents(tuple(tokens), tuple(pitches), tuple(durations), replaced)
