"""Note features, compared with loops over notes, and their invariances."""

import math
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data_prep.encodings.note_features import (
    PITCH_FEATURES,
    PITCH_SCALE,
    FeatureSet,
    feature_names,
    note_features,
    order,
)

SETS: tuple[FeatureSet, ...] = ("minimal", "local", "piece")
TICKS = 32
"""Ticks per quarter note: a power of two, so that sums of times are exact."""

Row = tuple[int, int, int]
"""Onset and duration in ticks, pitch."""

ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 10 * TICKS), st.integers(0, 20).map(lambda step: step * TICKS // 4)),
        st.integers(1, 4 * TICKS),
        st.sampled_from([30, 47, 60, 61, 72, 100]),
    ),
    min_size=1,
    max_size=24,
)
PACES = st.lists(st.sampled_from([0.3, 0.5, 1.1]), min_size=4, max_size=4)
"""Seconds per quarter note in bars 1, 2, 3 and from 4 on."""


@dataclass(frozen=True)
class Note:
    """A note, with its position in the order of the view."""

    number: int
    cell: int
    end: int
    pitch: int
    onset: float
    duration: float
    seconds: float


def seconds_at(tick: int, paces: Sequence[float]) -> float:
    bar, rest = divmod(tick, 4 * TICKS)
    complete = sum(4 * paces[min(number, 3)] for number in range(bar))
    return complete + rest / TICKS * paces[min(bar, 3)]


def described(rows: Sequence[Row], paces: Sequence[float], features: FeatureSet) -> NDArray[np.float32]:
    tick, duration, pitch = np.array(rows, np.int64).T
    onset = tick / TICKS
    by = order(onset, pitch.astype(np.int16))
    seconds = np.array([seconds_at(time, paces) for time in tick.tolist()])
    return note_features(pitch[by].astype(np.int16), onset[by], duration[by] / TICKS, seconds[by], features)


def notes_of(rows: Sequence[Row], paces: Sequence[float]) -> list[Note]:
    def cell(tick: int) -> int:
        return (2 * tick * 4 + TICKS) // (2 * TICKS)

    ordered = sorted(rows, key=lambda row: (cell(row[0]), row[2], row[0]))
    return [
        Note(
            number,
            cell(tick),
            max(cell(tick + duration), cell(tick) + 1),
            pitch,
            tick / TICKS,
            duration / TICKS,
            seconds_at(tick, paces),
        )
        for number, (tick, duration, pitch) in enumerate(ordered)
    ]


def log(value: float) -> float:
    return math.log2(max(value, 1 / 32))


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def spread(values: Sequence[float]) -> float:
    return math.sqrt(mean([(value - mean(values)) ** 2 for value in values]))


def near(notes: list[Note], me: Note, before: float, after: float) -> list[Note]:
    """Return the notes whose cells are within a number of quarter notes of a note's cell."""
    return [note for note in notes if -4 * before <= note.cell - me.cell <= 4 * after]


def outer(notes: list[Note], cell: int) -> tuple[int, int]:
    """Return the highest and the lowest pitch of a cell."""
    pitches = [note.pitch for note in notes if note.cell == cell]
    return max(pitches), min(pitches)


def of_the_note(notes: list[Note], me: Note) -> dict[str, float]:
    since = min([me.cell - note.cell for note in notes if note.cell < me.cell], default=16) / 4
    until = min([note.cell - me.cell for note in notes if note.cell > me.cell], default=16) / 4
    return {
        "pitch": (me.pitch - 64) / 12,
        "duration": log(me.duration),
        "since last onset": log(since),
        "until next onset": log(until),
        "legato": min(4.0, me.duration / until),
        **{f"bar position {step}": float(me.cell % 16 == step) for step in range(16)},
    }


def of_the_chord(notes: list[Note], me: Note) -> dict[str, float]:
    chord = [note for note in notes if note.cell == me.cell]
    top, bottom = outer(notes, me.cell)
    down = [note.pitch for note in notes if note.cell <= me.cell < note.end]
    return {
        "struck together": math.log2(len(chord)),
        "rank from top": min(6, sum(note.number > me.number for note in chord)),
        "rank from bottom": min(6, sum(note.number < me.number for note in chord)),
        "is top": me.pitch == top,
        "is bottom": me.pitch == bottom,
        "below top": (top - me.pitch) / 12,
        "above bottom": (me.pitch - bottom) / 12,
        "sounding": math.log2(1 + len(down)),
        "is highest sounding": me.pitch == max(down),
        "is lowest sounding": me.pitch == min(down),
    }


def of_the_line(notes: list[Note], me: Note) -> dict[str, float]:
    cells = sorted({note.cell for note in notes})
    at = cells.index(me.cell)
    result: dict[str, float] = {}
    for side, name in enumerate(("top", "bottom")):
        here = outer(notes, me.cell)[side]
        last = outer(notes, cells[at - 1])[side] if at else here
        following = outer(notes, cells[at + 1])[side] if at + 1 < len(cells) else here
        result[f"{name} from last"] = min(2.0, max(-2.0, (here - last) / 12))
        result[f"{name} to next"] = min(2.0, max(-2.0, (following - here) / 12))
    before = [n.onset for n in notes if n.pitch == me.pitch and (n.onset, n.number) < (me.onset, me.number)]
    result["since same key"] = log(min(8.0, me.onset - max(before))) if before else 3.0
    return result


def of_the_surroundings(notes: list[Note], me: Note) -> dict[str, float]:
    result: dict[str, float] = {}
    for name, width in (("beat", 1), ("bar", 4)):
        around = [note.pitch for note in near(notes, me, width, width)]
        result[f"density in {name}"] = log(len(around) / (2 * width))
        result[f"pitch over mean of {name}"] = (me.pitch - mean(around)) / 12
        result[f"mean pitch of {name}"] = (mean(around) - 64) / 12
        result[f"under highest of {name}"] = (max(around) - me.pitch) / 12
        result[f"over lowest of {name}"] = (me.pitch - min(around)) / 12
    before, after = near(notes, me, 4, 0), near(notes, me, 0, 4)
    lengths = [log(note.duration) for note in near(notes, me, 4, 4)]
    return {
        **result,
        "density of beat over bar": result["density in beat"] - result["density in bar"],
        "density after over before": math.log2(len(after) / len(before)),
        "pitch after over before": (mean([n.pitch for n in after]) - mean([n.pitch for n in before])) / 12,
        "duration over mean of bar": log(me.duration) - mean(lengths),
    }


def clock(notes: list[Note], time: float) -> float:
    """Interpolate the seconds at a time linearly between onsets."""
    known = sorted({(note.onset, note.seconds) for note in notes})
    for (begin, first), (end, last) in pairwise(known):
        if begin <= time <= end:
            return first + (last - first) * (time - begin) / (end - begin)
    raise AssertionError


def pace(notes: list[Note], me: Note, before: float, after: float) -> float:
    """Return the seconds per quarter note from a time before a note to a time after it, within the piece."""
    first, last = min(note.onset for note in notes), max(note.onset for note in notes)
    if first == last:
        return 0.5
    begin, end = max(first, me.onset - before), min(last, me.onset + after)
    if end - begin < 1 / 32:
        begin, end = max(first, end - 1), min(last, begin + 1)
    return (clock(notes, end) - clock(notes, begin)) / (end - begin)


def of_the_tempo(notes: list[Note], me: Note) -> dict[str, float]:
    bar, beat = math.log2(pace(notes, me, 4, 4)), math.log2(pace(notes, me, 1, 1))
    slower = math.log2(pace(notes, me, 0, 4) / pace(notes, me, 4, 0))
    return {
        "seconds a quarter": bar,
        "slower than bar": beat - bar,
        "slowing down": min(1.0, max(-1.0, slower)),
        "notes a second": min(6.0, max(-5.0, log(len(near(notes, me, 4, 4)) / 8) - bar)),
    }


def of_the_piece(notes: list[Note], me: Note) -> dict[str, float]:
    pitches, durations = [note.pitch for note in notes], [log(note.duration) for note in notes]
    onsets, seconds = [note.onset for note in notes], [note.seconds for note in notes]
    length = max(1 / 32, max(onsets) - min(onsets))
    slow = math.log2(max(1 / 32, max(seconds) - min(seconds)) / length)
    here = (me.onset - min(onsets)) / length
    return {
        "piece: mean pitch": (mean(pitches) - 64) / 12,
        "piece: spread of pitch": spread(pitches) / 12,
        "piece: density": log(len(notes) / length),
        "piece: notes an onset": math.log2(len(notes) / len({note.cell for note in notes})),
        "piece: seconds a quarter": slow,
        "piece: mean duration": mean(durations),
        "piece: spread of durations": spread(durations),
        "piece: length": log(length),
        "place in piece": here,
        "near an end": min(here, 1 - here),
        "slower than piece": min(2.0, max(-2.0, math.log2(pace(notes, me, 4, 4)) - slow)),
    }


EVERY_PART = (of_the_note, of_the_chord, of_the_line, of_the_surroundings, of_the_tempo, of_the_piece)


@settings(max_examples=150)
@given(ROWS, PACES)
def test_every_feature_equals_that_of_a_loop_over_notes(rows: list[Row], paces: list[float]) -> None:
    result, names = described(rows, paces, "piece"), feature_names("piece")
    notes = notes_of(rows, paces)
    for me, values in zip(notes, result, strict=True):
        expected = {name: value for part in EVERY_PART for name, value in part(notes, me).items()}
        assert tuple(expected) == names
        assert values == pytest.approx(np.array(list(expected.values())), rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("features", SETS)
def test_names_match_the_columns(features: FeatureSet) -> None:
    rows = [(3, 20, 60), (64, 5, 70), (64, 64, 50), (300, 32, 60)]
    names, result = feature_names(features), described(rows, [0.5] * 4, features)
    assert result.shape == (4, len(names))
    assert len(set(names)) == len(names)
    complete = dict(zip(feature_names("piece"), described(rows, [0.5] * 4, "piece").T, strict=True))
    for name, column in zip(names, result.T, strict=True):
        assert np.array_equal(column, complete[name])


@settings(max_examples=25)
@given(ROWS, st.integers(1, 9), st.sampled_from([0.3, 0.5, 1.1]))
def test_whole_bars_of_silence_before_change_nothing(rows: list[Row], bars: int, tempo: float) -> None:
    moved = [(tick + 4 * TICKS * bars, duration, pitch) for tick, duration, pitch in rows]
    original, other = (described(these, [tempo] * 4, "piece") for these in (rows, moved))
    assert original == pytest.approx(other, abs=1e-5)


@settings(max_examples=25)
@given(ROWS, st.integers(1, 15), st.sampled_from([0.3, 0.5, 1.1]))
def test_sixteenths_of_silence_before_change_only_the_position_in_the_bar(
    rows: list[Row], steps: int, tempo: float
) -> None:
    moved = [(tick + steps * TICKS // 4, duration, pitch) for tick, duration, pitch in rows]
    original, other = (described(these, [tempo] * 4, "piece") for these in (rows, moved))
    changed = {
        name for name, a, b in zip(feature_names("piece"), original.T, other.T, strict=True) if not np.allclose(a, b)
    }
    assert changed
    assert all(name.startswith("bar position") for name in changed)


@settings(max_examples=25)
@given(ROWS, PACES, st.integers(-20, 20))
def test_a_transposition_changes_only_the_features_of_pitch(
    rows: list[Row], paces: list[float], semitones: int
) -> None:
    moved = [(tick, duration, pitch + semitones) for tick, duration, pitch in rows]
    original, other = (described(these, paces, "piece") for these in (rows, moved))
    names = feature_names("piece")
    assert set(PITCH_FEATURES) <= set(names)
    step = np.array([semitones * PITCH_SCALE * (name in PITCH_FEATURES) for name in names])
    assert other - original == pytest.approx(np.broadcast_to(step, original.shape), abs=1e-5)


@pytest.mark.parametrize("tempo", [0.25, 0.7, 2.0])
def test_a_constant_tempo_has_constant_features(tempo: float) -> None:
    rows = [(0, 8, 60), (40, 8, 64), (130, 8, 60), (131, 8, 50), (400, 8, 60)]
    result = dict(zip(feature_names("piece"), described(rows, [tempo] * 4, "piece").T, strict=True))
    assert result["seconds a quarter"] == pytest.approx(np.full(5, math.log2(tempo)), abs=1e-6)
    for name in ("slower than bar", "slowing down", "slower than piece"):
        assert result[name] == pytest.approx(np.zeros(5), abs=1e-6)


def test_a_slower_end_changes_the_features_before_it() -> None:
    rows = [(bar * 4 * TICKS, 8, 60) for bar in range(6)]
    result = dict(zip(feature_names("local"), described(rows, [0.5, 0.5, 0.5, 1.0], "local").T, strict=True))
    assert result["slowing down"] == pytest.approx([0, 0, 0, 1, 0, 0], abs=1e-6)


@pytest.mark.parametrize(
    "rows",
    [
        [(0, 1, 60)],
        [(7, 1, 60), (7, 1, 60)],
        [(0, 1, 21), (0, 500, 108)],
        [(30, 1, 60), (33, 1, 60)],
        [(33, 1, 50), (30, 1, 60), (34, 9, 40)],
        [(0, 1, 0), (100_000, 90_000, 127)],
    ],
    ids=str,
)
@pytest.mark.parametrize("tempo", [0.0, 1e-9, 0.5, 1e6])
def test_features_are_finite_for_any_performance(rows: list[Row], tempo: float) -> None:
    for features in SETS:
        result = described(rows, [tempo] * 4, features)
        assert np.isfinite(result).all()
        assert np.abs(result).max() < 100


def test_positions_in_a_piece_are_between_0_and_1() -> None:
    rows = [(33, 1, 50), (30, 1, 60), (34, 9, 40)]  # one cell: by pitch, not by time
    result = dict(zip(feature_names("piece"), described(rows, [0.5] * 4, "piece").T, strict=True))
    assert result["place in piece"] == pytest.approx([1.0, 0.75, 0.0])
    assert result["near an end"] == pytest.approx([0.0, 0.25, 0.0])


def test_held_notes_take_no_more_memory_than_others() -> None:
    number = np.arange(20_000)
    onset, pitch = number / 4, (21 + number % 88).astype(np.int16)
    tracemalloc.start()
    note_features(pitch, onset, np.full(len(number), 5_000.0), onset / 2, "local")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 100e6
