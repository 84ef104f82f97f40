import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.windows import Batch, WindowPlan


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
        found = windows(batches, fold)
        assert all(batch.length[fold].any() for batch in batches)
        expected = sum(-(-size // length) for size, holder in pieces if holder not in {-1, fold})
        assert len(found) == max(expected, cut.num_steps)
        for piece, (size, holder) in enumerate(pieces):
            firsts = sorted(first for number, first, _ in found if number == piece)
            if holder in {-1, fold}:
                assert not firsts
            parts, slack = -(-size // length), max(0, size - length)
            assert {span for number, _, span in found if number == piece} <= {min(size, length)}
            if len(found) == expected:  # nothing was drawn on once more to fill steps
                for part, first in enumerate(firsts):
                    assert part * (slack + 1) / parts - 1 < first <= (part + 1) * (slack + 1) / parts


def test_no_batch_is_larger_than_asked_and_like_lengths_stand_together() -> None:
    cut = plan([8, 3] * 20, [0, 1] * 20)
    for batch in cut.epoch(1, trial=2, epoch=3):
        assert batch.piece.shape[1] <= 3
        for length in batch.length:
            assert np.ptp(length[length > 0]) in (0, 5)
    lengths = [
        sorted(set(batch.length.ravel()) - {0})
        for batch in plan([8] * 30 + [3] * 30, [0, 1] * 30).epoch(1, trial=2, epoch=3)
    ]
    assert sum(len(found) > 1 for found in lengths) <= 1


def test_equal_names_give_equal_windows_and_other_names_others() -> None:
    cut = plan([50, 60, 70, 80], [0, 1, 0, 1])

    def drawn(seed: int, trial: int, epoch: int, fold: int = 0) -> list[tuple[int, int, int]]:
        return windows(list(cut.epoch(seed, trial=trial, epoch=epoch)), fold)

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({str(sorted(drawn(*name))) for name in [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4)]}) == 4


def test_a_fold_draws_the_same_whatever_the_other_folds_hold() -> None:
    one = plan([50, 60, 70, 80], [0, 1, 1, 1])
    other = plan([50, 60, 70, 80, 40], [0, 1, 1, 1, -1])
    assert sorted(windows(list(one.epoch(1, trial=0, epoch=1)), 0)) == sorted(
        windows(list(other.epoch(1, trial=0, epoch=1)), 0)
    )


def test_an_epoch_can_be_so_many_random_windows_of_random_pieces() -> None:
    cut = plan([5, 100, 30], [0, 1, 1], length=10, batch_size=4, windows_per_epoch=200)
    batches = list(cut.epoch(0, trial=0, epoch=1))
    assert len(batches) == 50
    found = windows(batches, 0)
    assert len(found) == 200
    assert {piece for piece, _, _ in found} == {1, 2}
    long = [first for piece, first, _ in found if piece == 1]
    assert min(long) < 15
    assert max(long) > 75
    assert 60 < len(long) < 140  # a piece is as likely as another, however long
    assert {first for _, first, _ in windows(batches, 1)} == {0}


def test_starts_spread_evenly_over_a_piece() -> None:
    cut = plan([24, 24], [0, 1], length=8, batch_size=1)
    firsts = np.array(
        [first for epoch in range(600) for _, first, _ in windows(list(cut.epoch(0, trial=0, epoch=epoch)), 0)]
    )
    counts = np.bincount(firsts, minlength=17)
    assert len(counts) == 17
    assert counts.min() > 60
    assert counts.max() < 160


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_a_fold_with_fewer_windows_than_steps_goes_round(batch_size: int) -> None:
    cut = plan([8] * 9 + [8], [0] * 9 + [1], batch_size=batch_size)
    batches = list(cut.epoch(0, trial=0, epoch=1))
    assert all(batch.length.any(axis=1).all() for batch in batches)
