"""The tutorial's n-gram: a proper distribution, and counts that round-trip through tensors."""

import math
from itertools import pairwise

import pytest

from data_prep.pitches import NUM_PITCHES, REST
from tests.models.ngram_family.model import NgramModel, pieces_of
from tests.models.ngram_family.spec import NgramSpec
from tests.models.toy_melodies import melodies_of, random_pieces

DATA = melodies_of(random_pieces(6), [piece % 2 for piece in range(6)])
PIECES = pieces_of(DATA)


def counted(**settings: object) -> NgramModel:
    model = NgramModel(NgramSpec.model_validate(settings), DATA.durations, 2)
    for number, piece in enumerate(PIECES):
        model.count(number % 2, piece)
    return model


@pytest.mark.parametrize("settings", [{"order": 1}, {"order": 3}, {"order": 2, "smoothing": "add", "added": 0.5}])
def test_probabilities_of_the_next_event_sum_to_one(settings: dict[str, object]) -> None:
    model = counted(**settings)
    events = [(pitch, duration) for pitch in (REST, *range(NUM_PITCHES)) for duration in DATA.durations]
    for past in ([], PIECES[0][:1], PIECES[0][:3], [(0, DATA.durations[0])] * 3):
        assert math.fsum(model.probability(0, past, event) for event in events) == pytest.approx(1)
        following = model.following(past)
        for event, p in following.items():
            assert p == pytest.approx(sum(model.probability(fold, past, event) for fold in (0, 1)) / 2)


def test_counts_equal_a_naive_loop_and_round_trip_through_tensors() -> None:
    model = counted(order=2)
    first, second = PIECES[0][:2]
    pairs = [pair for piece in PIECES[::2] for pair in pairwise(piece)]
    assert model.counts[0][(first,)][second] == pairs.count((first, second))
    again = NgramModel(model.spec, DATA.durations, 2)
    again.take(model.tensors())
    assert again.counts == model.counts
