"""Corpora renumbered by other alphabets, compared by the meaning of the numbers; and selections of pieces."""

from dataclasses import fields
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from data_prep.corpora.selection import select
from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.prepared.alphabets import alphabets, joined, under
from tests.hand_melodies import Tune, melodies, random_tunes
from tests.models.toy_performances import random_performances

LEARNT = melodies(random_tunes(8))
OTHER = melodies(
    [*random_tunes(5, seed=3), Tune([(61, Fraction(5, 7)), (40, Fraction(1, 2))], metre=(7, 8), pickup=Fraction(1, 3))]
)


def meant(data: Melodies) -> list[Any]:
    """Replace every number by its meaning."""
    return [
        [data.durations[one] for one in data.duration.tolist()],
        [data.positions[one] for one in [*data.position.tolist(), *data.pickup.tolist()]],
        [data.spellings[one] for one in data.spelling.tolist()],
        [data.metres[one] for one in data.metre.tolist()],
    ]


def test_known_members_keep_their_numbers_and_new_ones_follow() -> None:
    learnt, other = joined(LEARNT, OTHER)
    assert meant(learnt) == meant(LEARNT)
    assert meant(other) == meant(OTHER)
    assert alphabets(learnt) == alphabets(other)
    for name, members in alphabets(LEARNT).items():
        extended = getattr(other, name)
        assert extended[: len(members)] == members
        assert sorted(extended) == sorted({*members, *getattr(OTHER, name)})
    for name in ("duration", "position", "pickup", "spelling", "metre"):
        np.testing.assert_array_equal(getattr(learnt, name), getattr(LEARNT, name))
        assert getattr(other, name).dtype == getattr(OTHER, name).dtype
        assert not getattr(other, name).flags.writeable


def test_other_alphabets_are_unchanged() -> None:
    found = under(OTHER, {"durations": LEARNT.durations})
    assert (found.metres, found.positions) == (OTHER.metres, OTHER.positions)
    assert meant(found) == meant(OTHER)


def test_too_many_members_are_rejected() -> None:
    with pytest.raises(BadInputError, match="at most 32768 distinct durations"):
        under(OTHER, {"durations": tuple(Fraction(1, n) for n in range(1, 32768))})


def test_styles_are_an_alphabet() -> None:
    data = random_performances()
    found = under(data, {"styles": ("wild",)})
    assert found.styles == ("wild", "calm")
    assert [found.styles[one] for one in found.style] == [data.styles[one] for one in data.style]


@pytest.mark.parametrize("data", [OTHER, random_performances()], ids=["melodies", "performances"])
def test_pieces_are_selected_in_any_order_and_twice(data: Any) -> None:
    chosen = [3, 0, 3]
    found = select(data, chosen)
    assert found.ids == tuple(data.ids[piece] for piece in chosen)
    spans = list(pairwise(data.start.tolist()))
    for field in fields(data):
        array: Any = getattr(data, field.name)
        if hasattr(array, "dtype") and field.name != "start":
            parts = [
                array[piece : piece + 1] if len(array) == data.num_pieces else array[slice(*spans[piece])]
                for piece in chosen
            ]
            np.testing.assert_array_equal(getattr(found, field.name), np.concatenate(parts), err_msg=field.name)
            assert not getattr(found, field.name).flags.writeable
    np.testing.assert_array_equal(np.diff(found.start), np.diff(data.start)[chosen])
