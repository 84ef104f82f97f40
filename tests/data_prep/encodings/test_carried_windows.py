"""Consecutive windows: entire pieces in order, and one performance of each composition per pass."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from data_prep.encodings.carried_windows import CarriedBatch, CarriedPlan
from data_prep.randomness import stream

G = 3

PIECES = st.lists(st.tuples(st.integers(0, 30), st.integers(-1, G - 1), st.integers(0, 4)), max_size=16)
"""Rows, fold and group."""


def plan(pieces: list[tuple[int, int, int]], length: int = 8, batch_size: int = 3) -> CarriedPlan:
    size, fold, group = np.array(pieces, np.int64).T
    return CarriedPlan(size, fold, group, G, length, batch_size, "windows")


def runs(steps: list[CarriedBatch], fold: int) -> list[list[tuple[int, int, int]]]:
    """Return the content of each slot of a fold, from one beginning to the next: piece, first row and length."""
    contents: list[list[tuple[int, int, int]]] = []
    for step in steps:
        columns = (part[fold].tolist() for part in (step.batch.piece, step.batch.first, step.batch.length))
        slots: list[tuple[int, int, int]] = list(zip(*columns, strict=True))
        if step.begins:
            contents.extend([] for _ in slots)
        for slot, window in zip(contents[-len(slots) :], slots, strict=True):
            slot.append(window)
    return contents


def groups_of(pieces: list[tuple[int, int, int]], fold: int) -> set[int]:
    """Return the compositions that a fold trains on."""
    return {group for size, holder, group in pieces if holder not in {-1, fold} and size}


@given(PIECES, st.integers(1, 12), st.integers(1, 4), st.integers(1, 3))
def test_windows_cover_entire_pieces_in_order(
    drawn: list[tuple[int, int, int]], length: int, batch_size: int, epoch: int
) -> None:
    pieces = [*drawn, (5, 0, 5), (20, 1, 6), (7, 2, 7)]
    steps = list(plan(pieces, length, batch_size).epoch(0, trial=0, epoch=epoch))
    num_batches = [-(-len(groups_of(pieces, fold)) // batch_size) for fold in range(G)]
    assert steps[0].begins
    assert all(step.batch.length.any() for step in steps)
    assert all(step.batch.piece.shape == (G, batch_size) for step in steps)
    for fold in range(G):
        played: Counter[int] = Counter()
        for slot in runs(steps, fold):
            windows = [window for window in slot if window[2]]
            assert slot[: len(windows)] == windows  # a slot is empty after the end of its piece
            if windows:
                (number,) = {piece for piece, _, _ in windows}
                size, holder, _ = pieces[number]
                played[number] += 1
                assert holder not in {-1, fold}
                assert [first for _, first, _ in windows] == list(range(0, size, length))
                assert [span for _, _, span in windows] == [min(length, size - at) for at in range(0, size, length)]
        assert {pieces[number][2] for number in played} == groups_of(pieces, fold)
        assert len(played) == len(groups_of(pieces, fold))  # one performance of every composition
        own, most = num_batches[fold], max(num_batches)
        assert set(played.values()) <= {most // own, -(-most // own)}  # a fold with fewer batches starts over


def test_each_composition_is_used_once_if_no_fold_starts_over() -> None:
    pieces = [(10 + n, n % G, n // 2) for n in range(12)]  # two performances of six, in neighbouring folds
    for epoch in range(1, 5):
        steps = list(plan(pieces, batch_size=2).epoch(0, trial=0, epoch=epoch))
        for fold in range(G):
            played = [slot[0][0] for slot in runs(steps, fold) if slot[0][2]]
            groups = Counter(pieces[number][2] for number in played)
            assert set(groups.values()) == {1}
            assert set(groups) == groups_of(pieces, fold)


def test_pieces_of_similar_length_are_in_one_batch() -> None:
    pieces = [(n, n % G, n) for n in stream(0, "toy pieces").permutation(np.arange(1, 31)).tolist()]
    for step in plan(pieces, length=1000, batch_size=5).epoch(1, trial=0, epoch=1):
        for lengths in step.batch.length:
            assert np.ptp(lengths[lengths > 0]) <= 6


def test_all_performances_of_a_composition_are_used_in_turn() -> None:
    pieces = [(8, 0, 0)] * 4 + [(8, 1, 1)] + [(8, 2, 2)] * 2
    cut = plan(pieces)
    played: Counter[int] = Counter()
    for epoch in range(400):
        steps = list(cut.epoch(0, trial=0, epoch=epoch))
        played.update(slot[0][0] for slot in runs(steps, 1) if slot[0][2])
    assert set(played) == {0, 1, 2, 3, 5, 6}
    assert all(70 < played[number] < 130 for number in range(4))
    assert all(160 < played[number] < 240 for number in (5, 6))


def test_steps_depend_on_seed_trial_and_epoch() -> None:
    cut = plan([(8 + n, n % G, n // 3) for n in range(30)])

    def drawn(seed: int, trial: int, epoch: int) -> str:
        return str([run for fold in range(G) for run in runs(list(cut.epoch(seed, trial=trial, epoch=epoch)), fold)])

    assert drawn(1, 2, 3) == drawn(1, 2, 3)
    assert len({drawn(*name) for name in [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4)]}) == 4
