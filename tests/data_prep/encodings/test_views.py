"""Both views of performances: velocities are recovered, and values are transposed and selected for training."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data_prep.encodings.views import GridSizes, GridView, NoteView, View
from data_prep.performances.arrays import Performances
from tests.models.toy_performances import Played, Toy, performances_of, random_performances

DATA = random_performances()

NOTES: st.SearchStrategy[list[Played]] = st.lists(
    st.tuples(
        st.integers(0, 200).map(lambda tick: tick / 32),
        st.integers(1, 60).map(lambda tick: tick / 32),
        st.sampled_from([30, 48, 60, 61, 99]),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=20,
)
"""On few keys and off the grid, so that notes share cells; at least nine keys from the ends of the keyboard."""


def views(data: Performances) -> list[View]:
    notes = (NoteView.of(data, "minimal"), NoteView.of(data, "local"), NoteView.of(data, "piece"))
    return [*notes, *(GridView.of(data, metre=metre, loss_cells="onset") for metre in (False, True))]


def cells(data: Performances) -> NDArray[np.int64]:
    """Return [N] a number for each note's performance, cell and pitch."""
    step = np.floor(data.onset * 4 + 0.5).astype(np.int64)
    return (data.piece_of_note * 10_000 + step) * 128 + data.pitch


@settings(max_examples=30)
@given(st.lists(NOTES, min_size=1, max_size=3))
def test_every_velocity_is_in_its_row_and_column(pieces: list[list[Played]]) -> None:
    data = performances_of([Toy(notes) for notes in pieces])
    cell, loudest = cells(data), np.zeros(data.num_notes, np.int64)
    for each in np.unique(cell):
        loudest[cell == each] = data.velocity[cell == each].max()
    for view in views(data):
        all_rows = np.arange(int(view.start[-1]))
        target, counted = view.targets(all_rows)
        assert target.shape == counted.shape == (len(all_rows), view.num_outputs)
        assert view.inputs(all_rows).shape == (len(all_rows), view.num_inputs)
        assert view.inputs(all_rows).dtype == target.dtype == np.float32
        recovered = np.rint(target[view.row, view.column] * 127)
        assert np.array_equal(recovered, data.velocity if isinstance(view, NoteView) else loudest)
        assert counted[view.row, view.column].all()
        of_row = np.searchsorted(view.start, view.row, side="right") - 1
        assert np.array_equal(of_row, data.piece_of_note)


def test_notes_are_sorted_by_cell_and_pitch() -> None:
    notes = [(0.03, 1.0, 70, 1), (0.0, 1.0, 72, 2), (0.1, 1.0, 60, 3), (1.0, 1.0, 50, 4), (0.95, 1.0, 55, 5)]
    view = NoteView.of(performances_of([Toy(notes), Toy(notes[:2])]), "minimal")
    velocity, counted = view.targets(np.arange(7))
    assert (velocity[:, 0] * 127).tolist() == pytest.approx([3, 1, 2, 4, 5, 1, 2])
    assert counted.all()
    assert view.start.tolist() == [0, 5, 7]


@settings(max_examples=15)
@given(st.lists(NOTES, min_size=1, max_size=2), st.integers(-9, 9))
def test_transposed_rows_equal_those_of_the_transposed_performance(pieces: list[list[Played]], semitones: int) -> None:
    data = performances_of([Toy(notes) for notes in pieces])
    moved = replace(data, pitch=(data.pitch + semitones).astype(np.int16))
    for view, other in zip(views(data), views(moved), strict=True):
        rows = np.arange(int(view.start[-1]))
        shift = np.full_like(rows, semitones)
        assert view.inputs(rows, shift) == pytest.approx(other.inputs(rows), abs=1e-5)
        assert view.inputs(rows, shift).dtype == np.float32
        for each, same in zip(view.targets(rows, shift), other.targets(rows), strict=True):
            assert np.array_equal(each, same)


def test_each_row_is_transposed_by_its_own_shift() -> None:
    rows = np.array([[3, 0, 7], [7, 7, 1]])
    shift = np.array([[0, -2, 5], [-1, 3, 0]])
    for view in views(DATA):
        moved, (target, counted) = view.inputs(rows, shift), view.targets(rows, shift)
        for at in np.ndindex(rows.shape):
            alone = rows[at].reshape(1), shift[at].reshape(1)
            assert np.array_equal(moved[at], view.inputs(*alone)[0])
            assert np.array_equal(target[at], view.targets(*alone)[0][0])
            assert np.array_equal(counted[at], view.targets(*alone)[1][0])


def test_values_beyond_the_keyboard_are_dropped() -> None:
    data = performances_of([Toy([(0.0, 0.25, 21, 50), (0.0, 0.25, 60, 60), (0.0, 0.25, 108, 70)])])
    view = GridView.of(data, metre=False, loss_cells="onset")
    for semitones, kept in ((1, {22: 50, 61: 60}), (-1, {59: 60, 107: 70}), (-40, {68: 70})):
        target, counted = view.targets(np.zeros(1, np.int64), np.full(1, semitones))
        keys = np.flatnonzero(counted[0])
        assert dict(zip((keys + 21).tolist(), np.rint(target[0, keys] * 127).tolist(), strict=True)) == kept


def test_the_cells_that_are_trained_on() -> None:
    # two quarter notes, of which the first is struck again after two sixteenths, and three sixteenths of silence
    data = performances_of([Toy([(0.0, 1.0, 60, 30), (0.5, 0.25, 60, 40), (0.25, 1.0, 64, 50), (2.0, 0.25, 21, 9)])])
    struck = {(0, 60), (2, 60), (1, 64), (8, 21)}
    held = {(1, 60), (2, 64), (3, 64), (4, 64)}
    every = {(step, pitch) for step in range(9) for pitch in range(21, 109)}
    for loss_cells, expected in (("onset", struck), ("masked_all", struck | held), ("all", every)):
        view = GridView.of(data, metre=True, loss_cells=loss_cells)
        target, counted = view.targets(np.arange(9))
        assert {(int(step), int(key) + 21) for step, key in np.argwhere(counted)} == expected
        loud = {(int(step), int(key) + 21): round(float(target[step, key]) * 127) for step, key in np.argwhere(target)}
        assert loud == {
            (0, 60): 30, (1, 60): 30, (2, 60): 40, (1, 64): 50, (2, 64): 50, (3, 64): 50, (4, 64): 50, (8, 21): 9,
        }  # fmt: skip


def test_the_metre_is_one_of_sixteen_places() -> None:
    with_metre, without = (GridView.of(DATA, metre=metre, loss_cells="onset") for metre in (True, False))
    rows = np.arange(int(with_metre.start[-1]))
    assert np.array_equal(with_metre.inputs(rows)[:, :176], without.inputs(rows))
    bounds: list[int] = with_metre.start.tolist()
    for begin, end in pairwise(bounds):
        place = with_metre.inputs(np.arange(begin, end))[:, 176:]
        assert np.array_equal(place, np.eye(16)[np.arange(end - begin) % 16])
    shift = np.full_like(rows, 4)
    assert np.array_equal(with_metre.inputs(rows, shift)[:, 176:], with_metre.inputs(rows)[:, 176:])


def test_inputs_do_not_depend_on_velocities() -> None:
    other = replace(DATA, velocity=(128 - DATA.velocity).astype(np.int16))
    for each, changed in zip(views(DATA), views(other), strict=True):
        rows = np.arange(int(each.start[-1]))
        assert np.array_equal(each.inputs(rows), changed.inputs(rows))
        assert not np.array_equal(each.targets(rows)[0], changed.targets(rows)[0])


def test_notes_outside_the_range_of_a_piano() -> None:
    data = performances_of([Toy([(0.0, 1.0, 20, 30)]), Toy([(0.0, 1.0, 60, 50), (2.0, 1.0, 109, 40)])])
    grid, sizes = GridView.of(data, metre=False, loss_cells="onset"), GridSizes.of(data)
    assert grid.column.tolist() == [-1, 39, -1]
    assert grid.start.tolist() == [0, 1, 5]
    assert sizes.cells.tolist() == [0, 4, 0]
    assert sizes.total.tolist() == [88, 4 * 88]


@settings(max_examples=30)
@given(st.lists(NOTES, min_size=1, max_size=3))
def test_sizes_are_the_cells_of_the_grid(pieces: list[list[Played]]) -> None:
    data = performances_of([Toy(notes) for notes in pieces])
    view, sizes = GridView.of(data, metre=False, loss_cells="masked_all"), GridSizes.of(data)
    sounding = view.targets(np.arange(int(view.start[-1])))[1].sum(axis=1)
    assert np.array_equal(sizes.total, 88 * np.diff(view.start))
    assert np.array_equal(
        np.bincount(data.piece_of_note, sizes.cells, data.num_pieces), np.add.reduceat(sounding, view.start[:-1])
    )
    assert len(np.unique(cells(data)[sizes.cells > 0])) == len(np.unique(cells(data))) == (sizes.cells > 0).sum()
