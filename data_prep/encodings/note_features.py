"""Features of a note and its surroundings, without velocities, for the note-wise view of a performance.

Symbols: n notes, F features, T cells of a 1/16 note. Times are in quarter notes, pitches in semitones.
Notes that begin in the same cell of the grid sound together. Of a performer's timing, only the tempo and the lengths of
notes are used, not deviations from the grid, so that written and played music look alike. Logarithms have base 2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from data_prep.grid import STEPS_PER_BAR, STEPS_PER_QUARTER, to_step

Floats: TypeAlias = NDArray[np.float64]
FeatureSet: TypeAlias = Literal["minimal", "local", "piece"]
"""What the features describe: the note and its neighbours in time; also the notes around it; also the entire piece."""

_SHORT, _LONG = 1.0, 4.0
"""Quarter notes to either side that belong to the surroundings of a note: its beat, its bar."""

_LEAST = 1.0 / 32
"""Lower bound of durations and distances in quarter notes."""

_FASTEST, _SLOWEST = 0.02, 20.0
"""Bounds of the tempo in seconds per quarter note; beyond them, the beats are wrong."""

_MIDDLE, _OCTAVE = 64.0, 12.0


@dataclass(frozen=True)
class PlayedNotes:
    """The notes of a performance without velocities; every array is [n], in the order (cell, pitch).

    Attributes:
        pitch: MIDI pitches.
        step: Cells in which the notes begin.
        onset: Onsets in quarter notes.
        duration: Durations in quarter notes.
        seconds: Onsets in seconds.
    """

    pitch: Floats
    step: NDArray[np.int64]
    onset: Floats
    duration: Floats
    seconds: Floats


def order(onset: Floats, pitch: NDArray[np.int16]) -> NDArray[np.int64]:
    """Return the order of notes in the note-wise view: by cell, then by pitch."""
    return np.lexsort((onset, pitch, to_step(onset)))


def note_features(
    pitch: NDArray[np.int16], onset: Floats, duration: Floats, seconds: Floats, features: FeatureSet
) -> NDArray[np.float32]:
    """Compute the features of every note of a performance.

    Args:
        pitch: [n] MIDI pitches, sorted by ``order`` like the other arrays.
        onset: [n] onsets in quarter notes.
        duration: [n] durations in quarter notes.
        seconds: [n] onsets in seconds.
        features: The set of features.

    Returns:
        [n, F] features in the order of ``feature_names``, not standardised.
    """
    notes = PlayedNotes(pitch.astype(np.float64), to_step(onset), onset, duration, seconds)
    columns = [values for part in _PARTS[features] for values in part(notes).values()]
    return np.stack(columns, axis=1).astype(np.float32)


def feature_names(features: FeatureSet) -> tuple[str, ...]:
    """Return the names of the features of a set, in order."""
    nothing = np.zeros(1)
    note = PlayedNotes(nothing, nothing.astype(np.int64), nothing, nothing, nothing)
    return tuple(name for part in _PARTS[features] for name in part(note))


PITCH_FEATURES = ("pitch", "mean pitch of beat", "mean pitch of bar", "piece: mean pitch")
"""The features that a transposition changes, by ``PITCH_SCALE`` per semitone."""

PITCH_SCALE = 1.0 / _OCTAVE


def _note(notes: PlayedNotes) -> dict[str, Floats]:
    """Return pitch, length, position in the bar, and distances of the neighbouring onsets."""
    cells, cell = np.unique(notes.step, return_inverse=True)
    gap = np.diff(cells) / STEPS_PER_QUARTER
    before, after = np.append(_LONG, gap)[cell], np.append(gap, _LONG)[cell]
    place = notes.step % STEPS_PER_BAR
    return {
        "pitch": (notes.pitch - _MIDDLE) * PITCH_SCALE,
        "duration": _log(notes.duration),
        "since last onset": _log(before),
        "until next onset": _log(after),
        "legato": np.minimum(notes.duration / np.maximum(after, _LEAST), 4.0),
        **{f"bar position {step}": (place == step).astype(np.float64) for step in range(STEPS_PER_BAR)},
    }


def _chord(notes: PlayedNotes) -> dict[str, Floats]:
    """Return features of the notes that begin or sound together with each note."""
    _, first, cell, size = np.unique(notes.step, return_index=True, return_inverse=True, return_counts=True)
    rank = np.arange(len(notes.step)) - first[cell]
    top, bottom = notes.pitch[first + size - 1][cell], notes.pitch[first][cell]
    sounding, highest, lowest = _sounding(notes)
    return {
        "struck together": np.log2(size[cell]),
        "rank from top": np.minimum(size[cell] - 1 - rank, 6.0),
        "rank from bottom": np.minimum(rank, 6.0),
        "is top": (notes.pitch == top).astype(np.float64),
        "is bottom": (notes.pitch == bottom).astype(np.float64),
        "below top": (top - notes.pitch) / _OCTAVE,
        "above bottom": (notes.pitch - bottom) / _OCTAVE,
        "sounding": np.log2(1.0 + sounding),
        "is highest sounding": (notes.pitch >= highest).astype(np.float64),
        "is lowest sounding": (notes.pitch <= lowest).astype(np.float64),
    }


def _line(notes: PlayedNotes) -> dict[str, Floats]:
    """Return the motion of the outer voices, and the time since the key was last struck."""
    _, first, cell, size = np.unique(notes.step, return_index=True, return_inverse=True, return_counts=True)
    top, bottom = notes.pitch[first + size - 1], notes.pitch[first]
    features: dict[str, Floats] = {}
    for name, voice in (("top", top), ("bottom", bottom)):
        move = np.clip(np.diff(voice) / _OCTAVE, -2.0, 2.0)
        features[f"{name} from last"] = np.append(0.0, move)[cell]
        features[f"{name} to next"] = np.append(move, 0.0)[cell]
    by_key = np.lexsort((notes.onset, notes.pitch))
    same = np.diff(notes.pitch[by_key]) == 0
    distance = np.full(len(by_key), 2 * _LONG)
    distance[1:][same] = np.minimum(np.diff(notes.onset[by_key])[same], 2 * _LONG)
    since = np.empty_like(distance)
    since[by_key] = distance
    return {**features, "since same key": _log(since)}


def _surroundings(notes: PlayedNotes) -> dict[str, Floats]:
    """Return density, register and lengths within a beat and a bar to either side, and after compared with before."""
    features: dict[str, Floats] = {}
    density: dict[float, Floats] = {}
    for name, width in (("beat", _SHORT), ("bar", _LONG)):
        around = _Window(notes.step, width, width)
        density[width] = around.count / (2 * width)
        features[f"density in {name}"] = _log(density[width])
        features[f"pitch over mean of {name}"] = (notes.pitch - around.mean(notes.pitch)) / _OCTAVE
        features[f"mean pitch of {name}"] = (around.mean(notes.pitch) - _MIDDLE) / _OCTAVE
        highest, lowest = _extremes(notes, width)
        features[f"under highest of {name}"] = (highest - notes.pitch) / _OCTAVE
        features[f"over lowest of {name}"] = (notes.pitch - lowest) / _OCTAVE
    features["density of beat over bar"] = _log(density[_SHORT]) - _log(density[_LONG])
    before, after = _Window(notes.step, _LONG, 0.0), _Window(notes.step, 0.0, _LONG)
    features["density after over before"] = np.log2(after.count / before.count)
    features["pitch after over before"] = (after.mean(notes.pitch) - before.mean(notes.pitch)) / _OCTAVE
    length = _log(notes.duration)
    features["duration over mean of bar"] = length - _Window(notes.step, _LONG, _LONG).mean(length)
    return features


def _tempo(notes: PlayedNotes) -> dict[str, Floats]:
    """Return the tempo, and its difference from the surroundings."""
    beat, bar = _pace(notes, _SHORT, _SHORT), _pace(notes, _LONG, _LONG)
    before, after = _pace(notes, _LONG, 0.0), _pace(notes, 0.0, _LONG)
    return {
        "seconds a quarter": bar,
        "slower than bar": beat - bar,
        "slowing down": np.clip(after - before, -1.0, 1.0),
        "notes a second": np.clip(_log(_Window(notes.step, _LONG, _LONG).count / (2 * _LONG)) - bar, -5.0, 6.0),
    }


def _whole(notes: PlayedNotes) -> dict[str, Floats]:
    """Return features of the piece, equal for all its notes, and the position of each note in it."""
    length = max(float(np.ptp(notes.onset)), _LEAST)
    pace = np.log2(max(float(np.ptp(notes.seconds)), _LEAST) / length)
    num_cells = len(np.unique(notes.step))
    pitch, duration = notes.pitch, _log(notes.duration)
    of_piece = {
        "piece: mean pitch": (pitch.mean() - _MIDDLE) / _OCTAVE,
        "piece: spread of pitch": pitch.std() / _OCTAVE,
        "piece: density": _log(np.array(len(pitch) / length)),
        "piece: notes an onset": np.log2(len(pitch) / num_cells),
        "piece: seconds a quarter": pace,
        "piece: mean duration": duration.mean(),
        "piece: spread of durations": duration.std(),
        "piece: length": _log(np.array(length)),
    }
    here = (notes.onset - notes.onset.min()) / length
    return {
        **{name: np.full(len(pitch), float(value)) for name, value in of_piece.items()},
        "place in piece": here,
        "near an end": np.minimum(here, 1.0 - here),
        "slower than piece": np.clip(_pace(notes, _LONG, _LONG) - pace, -2.0, 2.0),
    }


_Part: TypeAlias = Callable[[PlayedNotes], dict[str, Floats]]
_LOCAL: tuple[_Part, ...] = (_note, _chord, _line, _surroundings, _tempo)
_PARTS: Mapping[FeatureSet, tuple[_Part, ...]] = {"minimal": (_note,), "local": _LOCAL, "piece": (*_LOCAL, _whole)}


def _log(values: Floats) -> Floats:
    return np.log2(np.maximum(values, _LEAST))


class _Window:
    """The notes around each note, including itself, whose cells are within a number of quarter notes of its cell."""

    def __init__(self, step: NDArray[np.int64], before: float, after: float) -> None:
        self._low = np.searchsorted(step, step - round(before * STEPS_PER_QUARTER), side="left")
        self._high = np.searchsorted(step, step + round(after * STEPS_PER_QUARTER), side="right")
        self.count = (self._high - self._low).astype(np.float64)

    def mean(self, values: Floats) -> Floats:
        total = np.append(0.0, np.cumsum(values))
        return (total[self._high] - total[self._low]) / self.count


def _extremes(notes: PlayedNotes, width: float) -> tuple[Floats, Floats]:
    """Return [n] the highest and the lowest pitch that begins within ``width`` quarter notes of each note."""
    cells, first, size = np.unique(notes.step, return_index=True, return_counts=True)
    reach = round(width * STEPS_PER_QUARTER)
    at = cells - cells[0] + reach
    extremes: list[Floats] = []
    for fill, extreme, rows in ((-np.inf, np.max, first + size - 1), (np.inf, np.min, first)):
        line = np.full(int(at[-1]) + reach + 1, fill)
        line[at] = notes.pitch[rows]
        around = extreme(sliding_window_view(line, 2 * reach + 1)[at - reach], axis=1)
        extremes.append(np.repeat(around, size))
    return extremes[0], extremes[1]


def _sounding(notes: PlayedNotes) -> tuple[Floats, Floats, Floats]:
    """Return [n] the number of notes that sound in each note's cell, with their highest and lowest pitch."""
    cells, cell = np.unique(notes.step, return_inverse=True)
    last = np.searchsorted(cells, to_step(notes.onset + notes.duration), side="left")  # cells that begin before its end
    last = np.maximum(last, cell + 1)
    count = np.zeros(len(cells))
    highest, lowest = np.full(len(cells), -np.inf), np.full(len(cells), np.inf)
    for pitch in np.unique(notes.pitch):  # pitch by pitch, because long notes of all pitches would fill many cells
        own = notes.pitch == pitch
        change = np.bincount(cell[own], minlength=len(cells) + 1) - np.bincount(last[own], minlength=len(cells) + 1)
        sounding = np.cumsum(change)[:-1]
        count += sounding
        highest[sounding > 0] = pitch
        lowest[(sounding > 0) & (lowest == np.inf)] = pitch
    return count[cell], highest[cell], lowest[cell]


def _pace(notes: PlayedNotes, before: float, after: float) -> Floats:
    """Return [n] log2 of the mean seconds per quarter note from ``before`` quarter notes before to ``after`` after."""
    onset, index = np.unique(notes.onset, return_index=True)
    seconds = notes.seconds[index]
    if len(onset) == 1:
        return np.log2(np.full(len(notes.onset), 0.5))
    begin, end = onset[0], onset[-1]
    low, high = np.maximum(notes.onset - before, begin), np.minimum(notes.onset + after, end)
    narrow = high - low < _LEAST  # at the very ends, one-sided
    low, high = (
        np.where(narrow, np.maximum(high - _SHORT, begin), low),
        np.where(narrow, np.minimum(low + _SHORT, end), high),
    )
    pace = (np.interp(high, onset, seconds) - np.interp(low, onset, seconds)) / (high - low)
    overall = (seconds[-1] - seconds[0]) / (end - begin)
    is_tempo = (pace > _FASTEST) & (pace < _SLOWEST)
    return np.log2(np.where(is_tempo, pace, np.clip(overall, _FASTEST, _SLOWEST)))
