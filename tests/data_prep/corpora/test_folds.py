"""Folds and the test set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.corpora.folds import TEST, TEST_SHARE, assign, assign_by_style, hold_out_first
from data_prep.errors import BadInputError
from data_prep.randomness import stream


def _corpus(seed: int, size: int) -> tuple[list[str], list[int], list[int]]:
    draw = np.random.default_rng(seed)
    ids = [f"file{index:04}.abc" for index in range(size)]
    groups = draw.integers(0, max(1, size * 2 // 3), size).tolist()
    lengths = draw.integers(20, 300, size).tolist()
    return ids, groups, lengths


corpora = st.tuples(st.integers(0, 1000), st.integers(40, 120))


@settings(max_examples=50)
@given(corpora, st.integers(2, 6), st.integers(0, 5))
def test_no_group_is_split_and_no_fold_is_empty(corpus: tuple[int, int], num_folds: int, seed: int) -> None:
    ids, groups, lengths = _corpus(*corpus)
    folds = assign(ids, groups, lengths, num_folds=num_folds, seed=seed, fingerprint="f")
    assert set(folds) == {TEST, *range(num_folds)}
    for group in set(groups):
        assert len({fold for fold, of in zip(folds, groups, strict=True) if of == group}) == 1


@settings(max_examples=30)
@given(corpora, st.integers(0, 1000))
def test_folds_do_not_depend_on_the_order_of_files(corpus: tuple[int, int], shuffle: int) -> None:
    ids, groups, lengths = _corpus(*corpus)
    folds = dict(zip(ids, assign(ids, groups, lengths, num_folds=4, seed=1, fingerprint="f"), strict=True))
    draw = np.random.default_rng(shuffle)
    order: list[int] = draw.permutation(len(ids)).tolist()
    renamed: list[int] = draw.permutation(len(ids)).tolist()  # nor on the groups' numbers
    again = assign(
        [ids[i] for i in order],
        [renamed[groups[i]] for i in order],
        [lengths[i] for i in order],
        num_folds=4,
        seed=1,
        fingerprint="f",
    )
    assert dict(zip([ids[i] for i in order], again, strict=True)) == folds


def test_folds_are_balanced_in_notes_and_the_test_set_is_a_tenth() -> None:
    ids, groups, lengths = _corpus(3, 600)
    folds = np.array(assign(ids, groups, lengths, num_folds=4, seed=0, fingerprint="f"))
    notes = np.array([np.array(lengths)[folds == fold].sum() for fold in (TEST, 0, 1, 2, 3)])
    assert abs(notes[0] / notes.sum() - TEST_SHARE) < 0.01
    assert notes[1:].max() / notes[1:].min() < 1.01


def test_folds_depend_on_the_seed_and_the_fingerprint() -> None:
    ids, groups, lengths = _corpus(3, 200)
    first = assign(ids, groups, lengths, num_folds=4, seed=0, fingerprint="f")
    assert assign(ids, groups, lengths, num_folds=4, seed=0, fingerprint="f") == first
    assert assign(ids, groups, lengths, num_folds=4, seed=1, fingerprint="f") != first
    assert assign(ids, groups, lengths, num_folds=4, seed=0, fingerprint="g") != first


def test_the_test_set_does_not_depend_on_the_number_of_folds() -> None:
    ids, groups, lengths = _corpus(3, 200)
    sealed = [
        [fold == TEST for fold in assign(ids, groups, lengths, num_folds=num_folds, seed=0, fingerprint="f")]
        for num_folds in (2, 4, 5)
    ]
    assert sealed[0] == sealed[1] == sealed[2]


def test_a_huge_group_does_not_fill_the_test_set() -> None:
    lengths = [5000] + [50] * 30
    for seed in range(20):
        folds = assign([f"{i}" for i in range(31)], range(31), lengths, num_folds=3, seed=seed, fingerprint="f")
        assert folds[0] != TEST


def test_the_smallest_possible_corpus() -> None:
    folds = assign(list("abcde"), range(5), [10, 20, 30, 40, 50], num_folds=4, seed=0, fingerprint="f")
    assert sorted(folds) == [TEST, 0, 1, 2, 3]


def test_a_corpus_too_small_for_its_folds() -> None:
    rule = r"4 folds and a test set need at least 5 unrelated pieces: this corpus has 4 \(6 pieces in all\); add pieces"
    with pytest.raises(BadInputError, match=rule):
        assign(list("abcdef"), [0, 1, 2, 3, 3, 3], [9] * 6, num_folds=4, seed=0, fingerprint="f")


def test_the_number_of_folds_has_bounds() -> None:
    for num_folds in (-1, 0, 1, 101):
        with pytest.raises(BadInputError, match=f"takes 2 to 100 folds: got {num_folds}"):
            assign(list("ab"), [0, 1], [9, 9], num_folds=num_folds, seed=0, fingerprint="f")


def _by_style(groups: list[int], styles: list[str], *, num_folds: int = 3, seed: int = 0) -> list[int]:
    ids = [f"file{index:03}" for index in range(len(groups))]
    lengths = stream(seed, "lengths").integers(100, 2000, len(groups)).tolist()
    return assign_by_style(ids, groups, lengths, styles, num_folds=num_folds, seed=seed, fingerprint="f")


@settings(max_examples=50)
@given(st.integers(0, 1000), st.integers(2, 4), st.integers(1, 4))
def test_every_fold_and_the_test_set_contain_every_style(seed: int, num_folds: int, num_styles: int) -> None:
    random = stream(seed, "styles")
    style_of_group = [f"style{index % num_styles}" for index in range(num_styles * (num_folds + 1 + seed % 5))]
    groups = [*range(len(style_of_group)), *random.integers(len(style_of_group), size=30).tolist()]
    styles = [style_of_group[group] for group in groups]
    folds = _by_style(groups, styles, num_folds=num_folds, seed=seed)
    for style in set(styles):
        assert {fold for fold, of in zip(folds, styles, strict=True) if of == style} == {TEST, *range(num_folds)}
    for group in set(groups):
        assert len({fold for fold, of in zip(folds, groups, strict=True) if of == group}) == 1


def test_a_group_of_two_styles_stays_in_one_fold() -> None:
    # ten groups in both styles, as renderings of one score are, and ten more in the first
    groups = [*range(20), *range(10)]
    styles = ["a"] * 20 + ["b"] * 10
    folds = _by_style(groups, styles)
    assert folds[:10] == folds[20:]
    assert set(folds[10:20]) == set(folds[20:]) == {TEST, 0, 1, 2}


def test_a_style_with_too_few_groups_is_named() -> None:
    rule = "3 folds and a test set need at least 4 compositions of each style .* the style 'rare' has 3; add some"
    with pytest.raises(BadInputError, match=rule):
        _by_style([*range(10), 10, 11, 12, 12, 12], ["common"] * 10 + ["rare"] * 5)


def test_the_number_of_folds_has_the_same_bounds_for_styles() -> None:
    with pytest.raises(BadInputError, match="takes 2 to 100 folds: got 1"):
        _by_style([0, 1], ["a", "a"], num_folds=1)


def test_a_holdout_holds_out_the_first_fold_once() -> None:
    folds = [TEST, 0, 1, 2, 3, 0, TEST, 2]
    assert hold_out_first(folds) == [TEST, 0, 1, 1, 1, 0, TEST, 1]
