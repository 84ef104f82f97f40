"""Piano notes on the grid of sixteenths, compared with loops, decoded, in the paper's example and in real files."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data_prep.encodings.piano_grid import GridNotes, decode, encode, quantise, struck, velocities
from data_prep.grid import to_step
from data_prep.randomness import stream
from data_prep.readers.midi.files import read

PERFORMANCES = os.environ.get("TUNESMITH_TEST_PERFORMANCES")

Played = tuple[int, int, int, int]
"""Onset and duration in ticks of 1/480 quarter note, pitch, velocity."""

PLAYED = st.lists(
    st.tuples(
        st.integers(0, 2400), st.integers(1, 1500), st.sampled_from([0, 20, 21, 22, 60, 108, 109]), st.integers(1, 127)
    ),
    max_size=40,
)
"""Few keys, so that many notes are in the same cell or are struck again while they sound."""


def put(played: list[Played]) -> tuple[GridNotes, NDArray[np.int64]]:
    onset, duration, pitch, velocity = np.array(played, np.int64).reshape(-1, 4).T
    return quantise(onset / 480, duration / 480, pitch.astype(np.int16), velocity.astype(np.int16))


def rows(notes: GridNotes) -> list[tuple[int, int, int, float]]:
    columns = (notes.step, notes.length, notes.key, notes.velocity)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def nearest(tick: int, ticks_per_quarter: int = 480) -> int:
    """Round exactly, halves up."""
    return (8 * tick + ticks_per_quarter) // (2 * ticks_per_quarter)


def slowly(played: list[Played], ticks_per_quarter: int = 480) -> tuple[list[tuple[int, int, int, float]], list[int]]:
    """Quantise note by note."""
    cells: dict[tuple[int, int], list[float]] = {}
    for onset, duration, pitch, velocity in played:
        if not 21 <= pitch <= 108:
            continue
        begin = nearest(onset, ticks_per_quarter)
        end = max(nearest(onset + duration, ticks_per_quarter), begin + 1)
        cell = cells.setdefault((begin, pitch - 21), [end, velocity])
        cell[:] = [max(cell[0], end), max(cell[1], velocity)]
    for (begin, key), cell in cells.items():
        later = [step for step, other in cells if other == key and step > begin]
        cell[0] = min([cell[0], *later])
    order = sorted(cells)
    index = [
        order.index((nearest(onset, ticks_per_quarter), pitch - 21)) if 21 <= pitch <= 108 else -1
        for onset, _, pitch, _ in played
    ]
    return [(begin, int(cells[begin, key][0]) - begin, key, cells[begin, key][1]) for begin, key in order], index


@given(PLAYED)
def test_quantising_equals_a_loop_over_the_notes(played: list[Played]) -> None:
    notes, index = put(played)
    assert (rows(notes), index.tolist()) == slowly(played)


@given(PLAYED)
def test_notes_on_the_grid_are_unchanged(played: list[Played]) -> None:
    notes, _ = put(played)
    again, index = quantise(notes.step / 4, notes.length / 4, notes.key + 21, notes.velocity)
    assert rows(again) == rows(notes)
    assert index.tolist() == list(range(len(notes.step)))


@given(PLAYED, st.integers(0, 5))
def test_every_cell_matches_the_notes(played: list[Played], more: int) -> None:
    notes, _ = put(played)
    num_steps = notes.num_steps + more
    expected_sheet = np.zeros((num_steps, 88, 2))
    expected_velocities = np.zeros((num_steps, 88))
    for step, length, key, velocity in rows(notes):
        for time in range(step, step + length):
            expected_sheet[time, key] = [time == step, 1]
            expected_velocities[time, key] = velocity / 127
    sheet, loudness = encode(notes, num_steps), velocities(notes, num_steps)
    assert (sheet.dtype, loudness.dtype) == (np.uint8, np.float32)
    assert np.array_equal(sheet, expected_sheet.reshape(num_steps, 176))
    assert np.array_equal(loudness, expected_velocities.astype(np.float32))
    assert np.count_nonzero(struck(sheet)) == len(notes.step)


@given(PLAYED, st.integers(0, 5))
def test_notes_are_decoded(played: list[Played], more: int) -> None:
    notes, _ = put(played)
    num_steps = notes.num_steps + more
    back = decode(encode(notes, num_steps), velocities(notes, num_steps))
    assert [row[:3] for row in rows(back)] == [row[:3] for row in rows(notes)]
    assert np.allclose(back.velocity, notes.velocity, rtol=1e-6, atol=0)


@given(PLAYED.flatmap(lambda played: st.tuples(st.just(played), st.permutations(played))))
def test_the_order_of_the_notes_does_not_matter(orders: tuple[list[Played], list[Played]]) -> None:
    one, other = orders
    assert rows(put(one)[0]) == rows(put(other)[0])


def test_the_example_of_the_paper() -> None:
    # a key struck and held, one struck twice in a row, one short; # struck, - held, . silent
    notes, _ = put([(120, 360, 60, 127), (120, 120, 62, 64), (240, 240, 62, 32), (480, 120, 64, 1)])
    sheet = encode(notes, 6)
    signs = {(1, 1): "#", (0, 1): "-", (0, 0): "."}
    pairs = sheet.reshape(6, 88, 2).tolist()
    picture = ["".join(signs[row[pitch - 21][0], row[pitch - 21][1]] for row in pairs) for pitch in (60, 62, 64)]
    assert picture == [
        ".#--..",
        ".##-..",
        "....#.",
    ]
    assert velocities(notes, 6)[:, 62 - 21] * 127 == pytest.approx([0, 64, 32, 32, 0, 0])


def test_two_notes_in_one_cell_are_merged_into_the_greater_velocity_and_length() -> None:
    notes, index = put([(110, 500, 60, 20), (130, 50, 60, 90)])
    assert rows(notes) == [(1, 4, 39, 90.0)]
    assert index.tolist() == [0, 0]


def test_a_note_ends_where_its_key_is_struck_again() -> None:
    notes, index = put([(960, 120, 60, 70), (0, 1920, 60, 80)])
    assert rows(notes) == [(0, 8, 39, 80.0), (8, 1, 39, 70.0)]
    assert index.tolist() == [1, 0]


def test_a_short_note_lasts_one_step() -> None:
    assert rows(put([(130, 5, 60, 70)])[0]) == [(1, 1, 39, 70.0)]


def test_no_notes() -> None:
    notes, index = put([(0, 100, 20, 70), (0, 100, 109, 70)])
    assert index.tolist() == [-1, -1]
    assert (len(notes.step), notes.num_steps) == (0, 0)
    assert rows(decode(encode(notes, 3), velocities(notes, 3))) == []
    assert encode(notes, 0).shape == (0, 176)
    assert put([])[1].tolist() == []


@given(st.integers(0, 10**6), st.integers(1, 32767))
def test_a_step_is_the_nearest_and_exact_halves_go_up(tick: int, ticks_per_quarter: int) -> None:
    expected = nearest(tick, ticks_per_quarter)
    assert int(to_step(np.array([tick / ticks_per_quarter]))[0]) == expected
    assert abs(4 * tick / ticks_per_quarter - expected) <= 0.5 + 1e-9


def test_an_end_that_is_a_sum_is_rounded_as_if_it_were_exact() -> None:
    onset, duration = np.meshgrid(np.arange(1920), np.arange(1, 480))
    end = onset / 480 + duration / 480
    exact = (onset + duration) / 480
    assert np.array_equal(to_step(end), to_step(exact))


@given(st.integers(0, 999), st.integers(0, 9999))
def test_music_keeps_its_steps_when_it_is_moved_by_a_sixteenth(thirty_seconds: int, steps: int) -> None:
    time = np.array([thirty_seconds / 8])
    assert int(to_step(time + steps / 4)[0]) == int(to_step(time)[0]) + steps


def test_a_long_piece_is_fast() -> None:
    random = stream(1, "notes of a long piece")
    onset = np.sort(random.uniform(0, 1200, 5000))
    pitch = random.integers(21, 109, 5000)
    notes, index = quantise(onset, random.uniform(0, 4, 5000), pitch, random.integers(1, 128, 5000))
    assert index.max() == len(notes.step) - 1
    back = decode(encode(notes, notes.num_steps), velocities(notes, notes.num_steps))
    assert [row[:3] for row in rows(back)] == [row[:3] for row in rows(notes)]


@pytest.mark.skipif(PERFORMANCES is None, reason="TUNESMITH_TEST_PERFORMANCES names no folder of performances")
def test_real_performances_are_decoded() -> None:
    paths = sorted(Path(str(PERFORMANCES)).glob("*/*.mid"))
    assert len(paths) > 10
    for path in paths[::25]:
        file = read(path.read_bytes())
        columns = (file.notes.tick, file.notes.end - file.notes.tick, file.notes.pitch, file.notes.velocity)
        played = list(zip(*(column.tolist() for column in columns), strict=True))
        notes, index = put(played)
        assert file.resolution == 480
        cells = {(nearest(onset), pitch) for onset, _, pitch, _ in played}
        assert len(cells) == len(notes.step) > 100
        assert [(nearest(o), p) for o, _, p, _ in played] == [
            (int(notes.step[i]), int(notes.key[i]) + 21) for i in index
        ]
        back = decode(encode(notes, notes.num_steps), velocities(notes, notes.num_steps))
        assert [row[:3] for row in rows(back)] == [row[:3] for row in rows(notes)]
        assert np.array_equal(np.rint(back.velocity), notes.velocity)
