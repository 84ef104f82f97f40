"""Synthetic performances of chorales and of scores made by hand."""

from collections.abc import Callable
from dataclasses import fields, replace
from fractions import Fraction
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from data_prep.corpora.named import corpora
from data_prep.grid import to_step
from data_prep.performances.arrays import Performance
from data_prep.performances.renderings import STYLES, render
from data_prep.pitches import REST
from data_prep.readers.notes import Piece
from data_prep.readers.scores import read

LYRICAL, STRIDE = STYLES
CHORALES = ("bwv66.6", "bwv10.7", "bwv101.7")  # in 4/4, the second without a pickup


@cache
def chorale(name: str) -> tuple[Piece, ...]:
    return read(corpora()["chorales"].folder / f"{name}.mxl").pieces


def written(name: str) -> dict[tuple[float, int], int]:
    """Return the line (the uppermost) of each onset and pitch of a chorale, counted from its first bar line."""
    voices = chorale(name)
    silence = 3.0 if voices[0].heading.pickup else 0.0
    assert voices[0].heading.pickup in {0, 1}
    lines: dict[tuple[float, int], int] = {}
    for line, voice in reversed(list(enumerate(voices))):
        for onset, duration, pitch in zip(voice.onset, voice.duration, voice.pitch, strict=True):
            if pitch != REST and duration > 0:
                lines[float(Fraction(int(onset), voice.resolution)) + silence, int(pitch)] = line
    return lines


def by_note(performance: Performance) -> dict[tuple[int, int], int]:
    cells = zip(to_step(performance.onset).tolist(), performance.pitch.tolist(), strict=True)
    return dict(zip(cells, performance.velocity.tolist(), strict=True))


def correlation(one: Performance, other: Performance) -> float:
    first, second = by_note(one), by_note(other)
    assert first.keys() == second.keys()
    notes = sorted(first)
    return float(np.corrcoef([first[note] for note in notes], [second[note] for note in notes])[0, 1])


def equal(one: Performance, other: Performance) -> bool:
    return all(np.array_equal(getattr(one, field.name), getattr(other, field.name)) for field in fields(Performance))


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", CHORALES)
def test_a_rendering_has_the_notes_of_its_score(name: str, style: str) -> None:
    voices = chorale(name)
    performance = render(voices, style, 1)
    expected = sorted((int(to_step(np.array([onset]))[0]), pitch) for onset, pitch in written(name))
    assert sorted(zip(to_step(performance.onset).tolist(), performance.pitch.tolist(), strict=True)) == expected


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("name", CHORALES)
def test_a_rendering_is_a_valid_performance(name: str, style: str) -> None:
    performance = render(chorale(name), style, 1)
    rows = list(zip(performance.tick.tolist(), performance.pitch.tolist(), strict=True))
    assert rows == sorted(set(rows))
    assert performance.tick.min() >= 0
    assert np.array_equal(performance.onset, performance.tick / 480)
    assert performance.duration.min() > 0
    assert 1 <= performance.velocity.min() <= performance.velocity.max() <= 127
    assert len(np.unique(performance.velocity)) >= 20
    assert np.count_nonzero(performance.tick % 120) > len(rows) / 2  # most onsets are off the grid
    for pitch in np.unique(performance.pitch):
        of_key = performance.pitch == pitch
        ends = (performance.onset + performance.duration)[of_key]
        assert (ends[:-1] <= performance.onset[of_key][1:] + 1e-9).all()


def test_seconds_follow_the_onsets_at_the_style_s_tempo_and_slow_down_at_the_end() -> None:
    for style, slowest, fastest in ((LYRICAL, 60, 80), (STRIDE, 125, 138)):
        performance = render(chorale("bwv101.7"), style, 1)
        onset, first = np.unique(performance.onset, return_index=True)
        seconds = performance.seconds[first]
        assert (np.diff(seconds) > 0).all()
        beats = np.interp(np.arange(4, int(onset[-1])), onset, seconds)
        tempo = 60 / np.diff(beats)
        assert slowest < tempo[:-8].min() < tempo[:-8].max() < fastest
        assert tempo[-1] < 0.95 * tempo[:-8].min()


def test_the_same_seed_gives_the_same_performance() -> None:
    for style in STYLES:
        assert equal(render(chorale("bwv66.6"), style, 1), render(chorale("bwv66.6"), style, 1))
        assert not equal(render(chorale("bwv66.6"), style, 1), render(chorale("bwv66.6"), style, 2))


@pytest.mark.parametrize("name", CHORALES)
def test_styles_differ_in_more_than_the_mean_velocity(name: str) -> None:
    lyrical, again = (render(chorale(name), LYRICAL, seed) for seed in (1, 2))
    stride, once_more = (render(chorale(name), STRIDE, seed) for seed in (1, 2))
    assert correlation(lyrical, again) > 0.9
    assert correlation(stride, once_more) > 0.9
    assert correlation(lyrical, stride) < 0.3
    assert abs(float(lyrical.velocity.mean()) - float(stride.velocity.mean())) < 3


def velocities(name: str, style: str) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Return velocity, line and beat (in a bar of four) of the notes of a chorale."""
    heading = chorale(name)[0].heading
    assert heading.metres[0][1:] == (4, 4)
    lines = written(name)
    performed = by_note(render(chorale(name), style, 1))
    sounding = [
        (performed[int(to_step(np.array([time]))[0]), pitch], lines[time, pitch], time) for time, pitch in lines
    ]
    velocity, line, time = zip(*sounding, strict=True)
    return np.array(velocity), np.array(line), np.array(time) % 4


@pytest.mark.parametrize("name", CHORALES)
def test_the_lyrical_style_brings_out_the_melody_and_the_metre(name: str) -> None:
    velocity, line, beat = velocities(name, LYRICAL)
    inner = (line == 1) | (line == 2)
    assert velocity[line == 0].mean() > velocity[inner].mean() + 5
    assert velocity[(line == 0) & (beat == 0)].mean() > velocity[(line == 0) & (beat > 0)].mean() + 2


@pytest.mark.parametrize("name", CHORALES)
def test_the_stride_style_has_a_strong_bass_and_back_beats(name: str) -> None:
    velocity, line, beat = velocities(name, STRIDE)
    back, bass = beat % 2 == 1, line == 3
    assert velocity[bass & (beat % 2 == 0)].mean() > velocity[bass & back].mean() + 3
    assert velocity[~bass & back].mean() > velocity[~bass & (beat % 2 == 0)].mean() + 5


def test_the_stride_style_swings_its_off_beats(piece: Callable[..., Piece]) -> None:
    tune = piece([60 + step % 12 for step in range(32)], [Fraction(1, 2)] * 32)
    late = {style: render([tune], style, 1).onset - np.arange(32) / 2 for style in STYLES}
    assert late[STRIDE][1::2].mean() > late[STRIDE][::2].mean() + 0.06
    assert abs(late[LYRICAL][1::2].mean() - late[LYRICAL][::2].mean()) < 0.01


def test_a_key_struck_by_two_voices_together_is_one_note(piece: Callable[..., Piece]) -> None:
    upper, lower = piece([REST, 67, 72], [1, 1, 2]), piece([60, 67, 64], [1, 2, 1])
    for style in STYLES:
        alone = by_note(render([upper, lower], style, 1))
        assert sorted(alone) == [(0, 60), (4, 67), (8, 72), (12, 64)]
    together = render([upper, lower], LYRICAL, 1)
    of_both = together.duration[together.pitch == 67]
    assert of_both.tolist() == pytest.approx([2], abs=0.1)  # the longer


def test_a_key_struck_again_by_another_voice_ends_there(piece: Callable[..., Piece]) -> None:
    upper, lower = piece([REST, 60], [1, 1]), piece([60], [4])
    performance = render([upper, lower], LYRICAL, 1)
    first, second = zip(performance.onset.tolist(), performance.duration.tolist(), strict=True)
    assert sum(first) == pytest.approx(second[0])


def test_thirds_thirty_seconds_and_grace_notes(piece: Callable[..., Piece]) -> None:
    durations = [Fraction(1, 3)] * 6 + [Fraction(0)] + [Fraction(1, 8)] * 16
    tune = piece([60 + step for step in range(23)], durations, metre=(6, 8), pickup=Fraction(1, 2))
    for style in STYLES:
        performance = render([tune], style, 1)
        assert performance.pitch.tolist() == [pitch for pitch in range(60, 83) if pitch != 66]
        exact = 2.5 + np.delete(np.cumsum([0, *map(float, durations[:-1])]), 6)
        assert to_step(performance.onset).tolist() == to_step(exact).tolist()


def test_bars_are_counted_across_changes_of_metre(piece: Callable[..., Piece]) -> None:
    # three bars of three quarters, then bars of two: back beats follow the metre, and pairs of bars still alternate
    tune = piece([60] * 33, metre=(3, 4))
    changed = tune.heading.metres[0]._replace(onset=Fraction(9), beats=2)
    two = replace(tune, heading=replace(tune.heading, metres=(tune.heading.metres[0], changed)))
    mean = np.mean([render([two], STRIDE, seed).velocity for seed in range(8)], axis=0)
    begins = [*range(0, 9, 3), *range(9, 33, 2)]
    assert all(mean[begin] + 4 < mean[begin + 1] for begin in begins)
    assert all(mean[begin] + 4 < mean[begin + 2] for begin in range(0, 9, 3))
    calls = [begin for bar, begin in enumerate(begins) if bar % 4 < 2]
    answers = [begin for bar, begin in enumerate(begins) if bar % 4 >= 2]
    assert mean[calls].min() > mean[answers].max() + 3


def test_the_melody_leads_in_the_lyrical_style(piece: Callable[..., Piece]) -> None:
    voices = [piece([pitch] * 32) for pitch in (72, 64, 48)]
    ahead = {
        style: [played.onset[played.pitch == 72] - played.onset[played.pitch == 64]]
        for style in STYLES
        for played in [render(voices, style, 1)]
    }
    assert np.mean(ahead[LYRICAL]) < -0.01
    assert np.mean(ahead[STRIDE]) > 0


def test_phrases_rise_and_fall(piece: Callable[..., Piece]) -> None:
    tune = piece([60] * 64)
    mean = np.mean([render([tune], LYRICAL, seed).velocity for seed in range(8)], axis=0).reshape(4, 4, 4)
    for phrase in mean:
        assert phrase[1:3].mean() > phrase[[0, 3]].mean() + 3
    answers = np.mean([render([tune], STRIDE, seed).velocity for seed in range(8)], axis=0).reshape(4, 2, 8)
    assert all(call.mean() > answer.mean() + 3 for call, answer in answers)


def test_the_noise_of_two_scores_differs(piece: Callable[..., Piece]) -> None:
    tunes = [piece([pitch] * 64) for pitch in (60, 61, 62)]  # only the noise can differ between them
    played = [render([tune], LYRICAL, 1).velocity.tolist() for tune in tunes]
    assert all(one != other for one, other in pairwise(played))
