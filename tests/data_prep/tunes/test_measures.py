"""Measures of example tunes, and compared with loops."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.pitches import REST
from data_prep.readers.notes import Piece
from data_prep.tunes.measures import LAGS, MEASURES, MIN_RUN, measure
from data_prep.tunes.notation import Tune

EIGHTH, QUARTER, THIRD = Fraction(1, 2), Fraction(1), Fraction(1, 3)

PITCHES = st.sampled_from([REST, 60, 61, 62, 63, 64, 66, 67, 72])
DURATIONS = st.sampled_from([EIGHTH, QUARTER, THIRD, Fraction(2, 3), Fraction(1, 6), Fraction(3, 2)])


@st.composite
def tunes(draw: st.DrawFn) -> Tune:
    notes = draw(st.lists(st.tuples(PITCHES, DURATIONS), min_size=1, max_size=30))
    metre = draw(st.sampled_from([(4, 4), (6, 8), (3, 4)]))
    return Tune(
        pitch=tuple(pitch for pitch, _ in notes),
        duration=tuple(duration for _, duration in notes),
        metre=metre,
        pickup=draw(st.sampled_from([Fraction(0), EIGHTH, QUARTER])),
        fifths=draw(st.integers(-2, 3)),
        num_prompt=draw(st.integers(0, len(notes))),
    )


def eighths(*pitches: int) -> Tune:
    return Tune(pitches, (EIGHTH,) * len(pitches))


def sounding(tune: Tune) -> list[int]:
    """Return the composed notes that are not rests."""
    return [number for number in range(tune.num_prompt, tune.num_notes) if tune.pitch[number] != REST]


def mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def complete_triplets(tune: Tune) -> float | None:
    """Return the share of triplet notes in groups, which begin after a plain note or another group."""
    complete: set[int] = set()
    group: list[int] = []
    for number, duration in enumerate(tune.duration):
        if duration.denominator % 3:
            group = []
            continue
        group.append(number)
        if sum((tune.duration[row] for row in group), Fraction(0)).denominator % 3:
            complete.update(group)
            group = []
    return mean([row in complete for row in sounding(tune) if tune.duration[row].denominator % 3 == 0])


def scale_runs(tune: Tune) -> tuple[float | None, int]:
    """Try every run of notes."""
    result: set[int] = set()
    longest = 1
    for begin in range(tune.num_notes):
        for end in range(begin + 2, tune.num_notes + 1):
            pitches = tune.pitch[begin:end]
            steps = [after - before for before, after in pairwise(pitches)]
            if REST in pitches or not (all(0 < step <= 2 for step in steps) or all(-2 <= step < 0 for step in steps)):
                break
            longest = max(longest, end - max(begin, tune.num_prompt))
            if end - begin >= MIN_RUN:
                result.update(range(begin, end))
    return mean([row in result for row in sounding(tune)]), longest


def bars_of(tune: Tune, *, pitches: bool) -> dict[int, set[tuple[Fraction, int]]]:
    """Return the notes that begin in every bar except the pickup."""
    bars: dict[int, set[tuple[Fraction, int]]] = {}
    places = tune.bars()
    for number, onset in enumerate(tune.onsets()):
        if tune.pitch[number] != REST:
            place = (onset - tune.pickup) % tune.bar_length
            bars.setdefault(places[number], set()).add((place, tune.pitch[number] if pitches else 0))
    if tune.pickup:
        bars.pop(0, None)
    return bars


def similarity(tune: Tune, *, pitches: bool) -> float | None:
    """Compare sets, bar by bar."""
    bars, given_bars = bars_of(tune, pitches=pitches), set(tune.bars()[: tune.num_prompt])
    best = [
        max(len(bars[bar] & bars[before]) / len(bars[bar] | bars[before]) for before in bars if before < bar)
        for bar in sorted(bars)[1:]
        if bar not in given_bars
    ]
    return mean(best)


def similarity_back(tune: Tune, lag: int) -> float | None:
    """Compare each bar with one before it."""
    bars, given_bars = bars_of(tune, pitches=True), set(tune.bars()[: tune.num_prompt])
    result: list[float] = []
    for bar in bars:
        if bar not in given_bars and bar - lag >= min(bars):
            earlier = bars.get(bar - lag, set())
            result.append(len(bars[bar] & earlier) / len(bars[bar] | earlier))
    return mean(result)


def bars_filled(tune: Tune) -> float | None:
    """Go from bar line to bar line."""
    onsets = tune.onsets()
    end = onsets[-1] + tune.duration[-1]
    edges = {*onsets, end}
    composed_from = [*onsets, end][tune.num_prompt]
    at, filled = Fraction(0), list[bool]()
    while at < end:
        full = tune.pickup if at == 0 and tune.pickup else tune.bar_length
        closes = min(at + full, end)
        is_filled = at in edges and closes in edges and (closes - at == full or closes - at == full - tune.pickup > 0)
        if closes > composed_from:
            filled.append(is_filled)
        at = closes
    return mean(filled)


@given(tunes())
def test_measures_equal_those_of_loops(tune: Tune) -> None:
    result = measure(tune)
    composed = sounding(tune)
    if not composed:
        assert set(result.values()) == {None}
        return
    share, longest = scale_runs(tune)
    heard = sum(tune.duration[row] for row in composed)
    inside = sum(tune.duration[row] for row in composed if tune.pitch[row] % 12 in tune.scale)
    all_notes = [number for number in range(tune.num_notes) if tune.pitch[number] != REST]
    leaps = [
        abs(tune.pitch[after] - tune.pitch[before]) for before, after in pairwise(all_notes) if after >= tune.num_prompt
    ]
    length = sum(tune.duration[tune.num_prompt :])
    expected = {
        "in_key": float(inside / heard),
        "ends_on_tonic": float(tune.pitch[composed[-1]] % 12 == tune.tonic),
        "largest_leap": max(leaps, default=None),
        "range": max(tune.pitch[row] for row in composed) - min(tune.pitch[row] for row in composed),
        "in_scale_runs": share,
        "longest_scale_run": longest,
        "notes_per_bar": float(len(composed) * tune.bar_length / length),
        "complete_triplets": complete_triplets(tune),
        "bars_filled": bars_filled(tune),
        "bar_similarity": similarity(tune, pitches=True),
        "rhythm_similarity": similarity(tune, pitches=False),
        **{f"similarity_{lag}": similarity_back(tune, lag) for lag in LAGS},
    }
    assert result == pytest.approx(expected)
    assert [*result, "longest_copy", "copied"] == list(MEASURES)


def test_a_lone_triplet_note_is_incomplete_and_three_fill_a_beat() -> None:
    lone = Tune((60, 62, 64, 65, 67), (THIRD, QUARTER, THIRD, THIRD, THIRD))
    assert measure(lone)["complete_triplets"] == 0.75
    assert measure(eighths(60, 62, 64))["complete_triplets"] is None
    swung = Tune((60, 62, 64, REST, 65), (Fraction(2, 3), THIRD, THIRD, THIRD, THIRD))
    assert measure(swung)["complete_triplets"] == 1


def test_similarities_of_a_tune_with_repeated_bars() -> None:
    bar = (60, 62, 64, 65, 67, 65, 64, 62)
    assert measure(eighths(*bar, *bar, *bar))["bar_similarity"] == 1
    other = tuple(pitch + 1 for pitch in bar)
    result = measure(eighths(*bar, *other, *bar))
    assert (result["bar_similarity"], result["rhythm_similarity"]) == (0.5, 1)
    assert [result[f"similarity_{lag}"] for lag in LAGS] == [0, 1, None, None, None]
    half = (*bar[:4], 72, 74, 76, 77)
    assert measure(eighths(*bar, *half))["bar_similarity"] == pytest.approx(4 / 12)


def test_a_note_held_over_a_bar_line_leaves_two_bars_unfilled() -> None:
    three = Tune((60,) * 11, (QUARTER,) * 11, (4, 4), QUARTER)
    assert measure(replace(three, pitch=(60,) * 12, duration=(QUARTER,) * 12))["bars_filled"] == 1
    held = (QUARTER,) * 4 + (Fraction(2),) + (QUARTER,) * 6  # a pickup and three bars, the last one short by the pickup
    assert measure(replace(three, duration=held))["bars_filled"] == 0.5


def test_a_scale_is_one_run_and_a_broken_chord_is_none() -> None:
    scale = measure(eighths(60, 62, 64, 65, 67, 69, 71, 72))
    assert (scale["in_scale_runs"], scale["longest_scale_run"], scale["largest_leap"]) == (1, 8, 2)
    chord = measure(eighths(60, 64, 67, 72, 67, 64, 60))
    assert (chord["in_scale_runs"], chord["longest_scale_run"], chord["range"]) == (0, 1, 12)


def test_a_real_jig(oneills: Callable[[str, str], Piece]) -> None:
    piece = oneills("0201-0300.abc", "214")
    durations = tuple(Fraction(int(ticks), piece.resolution) for ticks in piece.duration)
    tune = Tune(tuple(piece.pitch.tolist()), durations, (6, 8), piece.heading.pickup, fifths=1)
    result = measure(tune)
    assert result["in_key"] == 1
    assert result["bars_filled"] == 1
    assert result["rhythm_similarity"] is not None
    assert result["rhythm_similarity"] > 0.8
