from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.encodings.windows import Batch, WindowPlan, one_of_each, whole_pieces
from data_prep.randomness import stream


def plan(num_notes: list[int], fold: list[int], num_folds: int = 2, **settings: int) -> WindowPlan:
    sizes = {"length": 8, "batch_size": 3, "windows_per_epoch": 0, **settings}
    length, batch_size, windows_per_epoch = sizes.values()
    return WindowPlan(np.array(num_notes), np.array(fold), num_folds, length, batch_size, windows_per_epoch)


def windows(batches: list[Batch], fold: int) -> list[tuple[int, int, int]]:
    return [
        (int(piece), int(first), int(length))
        for batch in batches
        for piece, first, length in zip(batch.piece[fold], batch.first[fold], batch.length[fold], strict=True)
        if length
    ]


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 2)), max_size=20),
    st.integers(1, 12),
    st.integers(1, 5),
    st.integers(1, 3),
)
def test_a_pass_draws_one_window_from_each_part_of_each_training_piece(
    drawn: list[tuple[int, int]], length: int, batch_size: int, epoch: int
) -> None:
    pieces = [*drawn, (5, 0), (6, 1), (7, 2)]
    num_notes, held = [size for size, _ in pieces], [fold for _, fold in pieces]
    cut = plan(num_notes, held, 3, length=length, batch_size=batch_size)
    batches = list(cut.epoch(0, trial=0, epoch=epoch))
    assert len(batches) == cut.num_steps
    for fold in range(3):
        cut_windows = windows(batches, fold)
        assert all(batch.length[fold].any() for batch in batches)
        expected = sum(-(-size // length) for size, holder in pieces if holder not in {-1, fold})
        assert len(cut_windows) == max(expected, cut.num_steps)
        for piece, (size, holder) in enumerate(pieces):
            firsts = sorted(first for number, first, _ in cut_windows if number == piece)
            if holder in {-1, fold}:
                assert not firsts
            parts, slack = -(-size // length), max(0, size - length)
            assert {span for number, _, span in cut_windows if number == piece} <= {min(size, length)}
            if len(cut_windows) == expected:  # no window was repeated to fill steps
                for part, first in enumerate(firsts):
                    assert part * (slack + 1) / parts - 1 < first <= (part + 1) * (slack + 1) / parts


def test_batches_are_limited_in_size_and_have_windows_of_similar_length() -> None:
    cut = plan([8, 3] * 20, [0, 1] * 20)
    for batch in cut.epoch(1, trial=2, epoch=3):
        assert batch.piece.shape[1] <= 3
        for length in batch.length:
            assert np.ptp(length[length > 0]) in (0, 5)
    lengths = [
        sorted(set(batch.length.ravel()) - {0})
        for batch in plan([8] * 30 + [3] * 30, [0, 1] * 30).epoch(1, trial=2, epoch=3)
    ]
    assert sum(len(cut_windows) > 1 for cut_windows in lengths) <= 1


def test_windows_depend_on_seed_trial_and_epoch() -> None:
    cut = plan([50, 60, 70, 80], [0, 1, 0, 1])

    def drawn(seed: int, trial: int, epoch: int, fold: int = 0) -> list[tuple[int, int, int]]:
        return windows(list(cut.epoch(seed, trial=trial, epoch=epoch)), fold)

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({str(sorted(drawn(*name))) for name in [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4)]}) == 4


def test_the_windows_of_a_fold_do_not_depend_on_other_folds() -> None:
    one = plan([50, 60, 70, 80], [0, 1, 1, 1])
    other = plan([50, 60, 70, 80, 40], [0, 1, 1, 1, -1])
    assert sorted(windows(list(one.epoch(1, trial=0, epoch=1)), 0)) == sorted(
        windows(list(other.epoch(1, trial=0, epoch=1)), 0)
    )


def test_an_epoch_can_have_a_fixed_number_of_random_windows() -> None:
    cut = plan([5, 100, 30], [0, 1, 1], length=10, batch_size=4, windows_per_epoch=200)
    batches = list(cut.epoch(0, trial=0, epoch=1))
    assert len(batches) == 50
    cut_windows = windows(batches, 0)
    assert len(cut_windows) == 200
    assert {piece for piece, _, _ in cut_windows} == {1, 2}
    long = [first for piece, first, _ in cut_windows if piece == 1]
    assert min(long) < 15
    assert max(long) > 75
    assert 60 < len(long) < 140  # all pieces are equally likely
    assert {first for _, first, _ in windows(batches, 1)} == {0}


def test_starts_are_spread_evenly_over_a_piece() -> None:
    cut = plan([24, 24], [0, 1], length=8, batch_size=1)
    firsts = np.array(
        [first for epoch in range(600) for _, first, _ in windows(list(cut.epoch(0, trial=0, epoch=epoch)), 0)]
    )
    counts = np.bincount(firsts, minlength=17)
    assert len(counts) == 17
    assert counts.min() > 60
    assert counts.max() < 160


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_a_fold_with_fewer_windows_than_steps_starts_over(batch_size: int) -> None:
    cut = plan([8] * 9 + [8], [0] * 9 + [1], batch_size=batch_size)
    batches = list(cut.epoch(0, trial=0, epoch=1))
    assert all(batch.length.any(axis=1).all() for batch in batches)


GROUPED = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 2), st.integers(0, 3)), max_size=15)
"""Notes, fold and group."""


def grouped(pieces: list[tuple[int, int, int]], length: int, batch_size: int) -> WindowPlan:
    size, fold, group = np.array(pieces, np.int64).T
    return WindowPlan(size, fold, 3, length, batch_size, group=group)


@given(GROUPED, st.integers(1, 12), st.integers(1, 4))
def test_a_pass_uses_one_piece_of_each_group(drawn: list[tuple[int, int, int]], length: int, batch_size: int) -> None:
    pieces = [*drawn, (5, 0, 4), (20, 1, 5), (7, 2, 6)]
    cut = grouped(pieces, length, batch_size)
    for epoch in range(1, 4):
        batches = list(cut.epoch(0, trial=0, epoch=epoch))
        assert len(batches) == cut.num_steps  # the same in all epochs
        assert all(batch.piece.shape[1] <= batch_size for batch in batches)
        for fold in range(3):
            cut_windows = windows(batches, fold)
            assert all(batch.length[fold].any() for batch in batches)
            chosen = {piece for piece, _, _ in cut_windows}
            assert all(pieces[piece][1] != fold for piece in chosen)
            assert len({pieces[piece][2] for piece in chosen}) == len(chosen)
            assert {pieces[piece][2] for piece in chosen} == {group for _, held, group in pieces if held != fold}
            parts = sum(-(-pieces[piece][0] // length) for piece in chosen)
            assert len(cut_windows) == max(parts, cut.num_steps)


def test_all_pieces_of_a_group_are_used_in_turn() -> None:
    cut = grouped([(8, 0, 0)] * 4 + [(8, 1, 1)] + [(8, 2, 2)] * 2, 8, 2)
    taken: Counter[int] = Counter()
    for epoch in range(400):
        taken.update({piece for piece, _, _ in windows(list(cut.epoch(0, trial=0, epoch=epoch)), 1)})
    assert set(taken) == {0, 1, 2, 3, 5, 6}
    assert all(70 < taken[piece] < 130 for piece in range(4))
    assert all(160 < taken[piece] < 240 for piece in (5, 6))


@given(st.lists(st.integers(0, 4), min_size=1, max_size=12), st.integers(0, 9))
def test_one_of_each_group(group: list[int], seed: int) -> None:
    pieces = np.flatnonzero(np.arange(len(group)) % 3 < 2)
    chosen = one_of_each(np.array(group), pieces, stream(seed, "toy"))
    assert set(chosen.tolist()) <= set(pieces.tolist())
    assert [group[piece] for piece in chosen] == sorted({group[piece] for piece in pieces})


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(-1, 2)), min_size=1, max_size=20), st.integers(1, 100))
def test_every_fold_gets_each_held_out_piece_once(pieces: list[tuple[int, int]], most_notes: int) -> None:
    size, fold = np.array(pieces, np.int64).T
    batches = list(whole_pieces(size, fold, 3, most_notes))
    for batch in batches:
        assert batch.piece.shape[1] * batch.length.max() <= max(most_notes, batch.length.max())
        assert batch.length.any()
    for held in range(3):
        cut_windows = windows(batches, held)
        assert sorted(cut_windows) == [
            (piece, 0, n) for piece, (n, holder) in enumerate(pieces) if holder == held and n
        ]
        assert [n for _, _, n in cut_windows] == sorted((n for _, _, n in cut_windows), reverse=True)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_rows_equal_those_of_a_loop(size: list[int], data: st.DataObject) -> None:
    start = np.cumsum([0, *size])
    piece = data.draw(st.lists(st.integers(0, len(size) - 1), min_size=4, max_size=4))
    first = [data.draw(st.integers(0, size[one] - 1)) for one in piece]
    length = [data.draw(st.integers(0, size[one] - at)) for one, at in zip(piece, first, strict=True)]
    length[0] = max(length[0], 1)
    batch = Batch(*(np.array(part, np.int64).reshape(2, 2) for part in (piece, first, length)))
    rows, inside = batch.rows(start)
    assert rows.shape == inside.shape == (2, max(length), 2)
    for slot in range(4):
        fold, column = divmod(slot, 2)
        expected = list(range(start[piece[slot]] + first[slot], start[piece[slot]] + first[slot] + length[slot]))
        assert rows[fold, : length[slot], column].tolist() == expected
        assert inside[fold, :, column].tolist() == [step < length[slot] for step in range(max(length))]
    assert rows.min() >= 0
    assert rows.max() < start[-1]
