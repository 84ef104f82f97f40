"""Melodies made by hand, with bars, keys and spellings."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import NO_VOICE, NUM_UPPER, no_voices
from data_prep.melodies.votes import find_votes
from data_prep.pitches import REST
from data_prep.randomness import stream

SHARPS = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
FLATS = ("C", "D-", "D", "E-", "E", "F", "G-", "G", "A-", "A", "B-", "B")
FLAT_TONICS = {3, 5, 8, 10}


@dataclass(frozen=True)
class Tune:
    """A piece by hand: notes are (pitch or REST, duration in quarters); ``above`` are the voices that it hears."""

    notes: Sequence[tuple[int, Fraction]]
    fold: int = 0
    tonic: int = 0
    metre: tuple[int, int] = (4, 4)
    pickup: Fraction = Fraction(0)
    one_key: bool = True
    chords: frozenset[int] = field(default_factory=frozenset)
    above: Sequence["Tune"] = ()


def spelled(pitch: int, tonic: int) -> str:
    """Name a pitch as music21 does, in flats or sharps as the key has it."""
    if pitch == REST:
        return "rest"
    names = FLATS if tonic in FLAT_TONICS else SHARPS
    return f"{names[pitch % 12]}{pitch // 12 - 1}"


def bar_length(tune: Tune) -> Fraction:
    """Return the length of a full bar in quarters."""
    return Fraction(tune.metre[0] * 4, tune.metre[1])


def places(tune: Tune) -> list[tuple[int, Fraction]]:
    """Return every note's bar and its position there, counted note by note."""
    return _places(tuple(duration for _, duration in tune.notes), tune.pickup, bar_length(tune))


@lru_cache(100_000)  # an enumeration of tunes has few rhythms
def _places(durations: Sequence[Fraction], pickup: Fraction, length: Fraction) -> list[tuple[int, Fraction]]:
    onset, found = Fraction(0), list[tuple[int, Fraction]]()
    for duration in durations:
        bar, place = divmod(onset - pickup, length)
        found.append((int(bar), place))
        onset += duration
    return found


def heard(tune: Tune) -> NDArray[np.void]:
    """Return what the voices above sound when each note begins, counted note by note."""
    upper, onset = no_voices(len(tune.notes)), Fraction(0)
    for row, (_, duration) in zip(upper, tune.notes, strict=True):
        for number, voice in enumerate(tune.above[:NUM_UPPER]):
            begin = Fraction(0)
            for place, (pitch, length) in enumerate(voice.notes):
                if begin <= onset < begin + length:
                    following = voice.notes[place + 1][0] if place + 1 < len(voice.notes) else NO_VOICE
                    row[number] = (pitch, following, begin + length - onset, begin == onset)
                begin += length
        onset += duration
    return upper


def melodies(
    tunes: Sequence[Tune],
    num_folds: int = 2,
    durations: Sequence[Fraction] = (),
    positions: Sequence[Fraction] = (),
    metres: Sequence[tuple[int, int]] = (),
) -> Melodies:
    """Put tunes together; durations, positions and metres beyond the tunes' own may be given."""
    duration = sorted({length for tune in tunes for _, length in tune.notes} | set(durations))
    placed = [place for tune in tunes for place in places(tune)]
    position = sorted({at for _, at in placed} | {tune.pickup for tune in tunes} | set(positions))
    metre = sorted({tune.metre for tune in tunes} | set(metres))
    names = [spelled(pitch, tune.tonic) for tune in tunes for pitch, _ in tune.notes]
    spellings = sorted(set(names))
    duration_of = {value: number for number, value in enumerate(duration)}
    position_of = {value: number for number, value in enumerate(position)}
    spelling_of = {value: number for number, value in enumerate(spellings)}
    pitch = np.array([pitch for tune in tunes for pitch, _ in tune.notes], np.int16)
    length = np.array([duration_of[length] for tune in tunes for _, length in tune.notes], np.int16)
    start = np.cumsum([0, *(len(tune.notes) for tune in tunes)])
    return Melodies(
        pitch=pitch,
        duration=length,
        position=np.array([position_of[at] for _, at in placed], np.int16),
        bar=np.array([bar for bar, _ in placed], np.int32),
        votes=find_votes(pitch, length, start, duration, [bar_length(tune) for tune in tunes]),
        upper=np.concatenate([heard(tune) for tune in tunes]),
        spelling=np.array([spelling_of[name] for name in names], np.int16),
        in_chord=np.array([n in tune.chords for tune in tunes for n in range(len(tune.notes))], np.bool_),
        start=start,
        fold=np.array([tune.fold for tune in tunes], np.int8),
        tonic=np.array([tune.tonic for tune in tunes], np.int8),
        one_key=np.array([tune.one_key for tune in tunes], np.bool_),
        metre=np.array([metre.index(tune.metre) for tune in tunes], np.int16),
        pickup=np.array([position_of[tune.pickup] for tune in tunes], np.int16),
        durations=tuple(duration),
        positions=tuple(position),
        spellings=tuple(spellings),
        metres=tuple(metre),
        ids=tuple(f"tune {number}" for number in range(len(tunes))),
        num_folds=num_folds,
        fingerprint="none",
        corpus="by hand",
    )


def random_tunes(num_tunes: int, num_folds: int = 2, *, seed: int = 0, least: int = 4, most: int = 24) -> list[Tune]:
    """Draw tunes in several keys and metres, with rests, chords and pickups."""
    random = stream(seed, "tunes by hand")
    tunes: list[Tune] = []
    for number in range(num_tunes):
        tonic = int(random.choice([0, 2, 7, 9, 10]))
        scale = [60 + tonic + step for step in (0, 2, 4, 5, 7, 9, 11, 12)]
        size = int(random.integers(least, most, endpoint=True))
        pitches = [int(random.choice([*scale, REST])) for _ in range(size)]
        lengths = [Fraction(int(random.choice([1, 1, 2, 3])), 2) for _ in range(size)]
        chords = frozenset(n for n, pitch in enumerate(pitches) if pitch != REST and random.random() < 0.05)
        tunes.append(
            Tune(
                notes=list(zip(pitches, lengths, strict=True)),
                fold=number % num_folds,
                tonic=tonic,
                metre=(3, 4) if random.random() < 0.3 else (4, 4),
                pickup=Fraction(int(random.choice([0, 0, 1])), 2),
                one_key=bool(random.random() < 0.9),
                chords=chords,
            )
        )
    return tunes


def two_voices(num_scores: int, num_folds: int = 2, *, seed: int = 0) -> list[Tune]:
    """Draw scores of a tune and a voice that moves with it, eight semitones below."""
    tops = random_tunes(num_scores, num_folds, seed=seed, least=12)
    lower = [[(pitch if pitch == REST else pitch - 8, length) for pitch, length in top.notes] for top in tops]
    below = [replace(top, notes=notes, above=[top]) for top, notes in zip(tops, lower, strict=True)]
    return [voice for score in zip(tops, below, strict=True) for voice in score]
