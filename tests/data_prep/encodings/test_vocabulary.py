"""The vocabulary of a melody model: a round trip through JSON, its counts, and invalid JSON."""

import json
from collections import Counter
from dataclasses import fields
from typing import Any

import numpy as np
import pytest

from data_prep.encodings.tokens import MelodyEncoding, MelodyOptions
from data_prep.encodings.vocabulary import Floor, MelodyVocabulary
from data_prep.prepared.refitting import for_refit, for_test
from tests.hand_melodies import melodies, random_tunes

TUNES = random_tunes(17, 3)
DATA = melodies(TUNES, num_folds=3)


@pytest.mark.parametrize(
    "options", [MelodyOptions(), MelodyOptions("target", transpose=True), MelodyOptions(reading="literal")], ids=str
)
def test_a_vocabulary_is_restored_from_json(options: MelodyOptions) -> None:
    vocabulary = MelodyEncoding(DATA, options).vocabulary
    back = MelodyVocabulary.from_json(json.loads(json.dumps(vocabulary.as_json())))
    for field in fields(MelodyVocabulary):
        actual, expected = getattr(back, field.name), getattr(vocabulary, field.name)
        if isinstance(expected, tuple | bool):
            assert actual == expected
        elif isinstance(expected, Floor):
            assert (actual.eps, actual.as_json()) == (expected.eps, expected.as_json())
        else:
            assert actual.dtype == expected.dtype
            np.testing.assert_array_equal(actual, expected)


def test_metres_pickups_and_tonics_are_counted_over_training_pieces() -> None:
    vocabulary = MelodyEncoding(DATA, MelodyOptions()).vocabulary
    for fold in range(3):
        trained = [tune for tune in TUNES if tune.fold != fold]
        bars = Counter((tune.metre, tune.pickup) for tune in trained)
        assert {
            (vocabulary.metres[metre], vocabulary.positions[pickup]): vocabulary.bar_counts[fold, metre, pickup]
            for metre, pickup in np.argwhere(vocabulary.bar_counts[fold])
        } == bars
        tonics = Counter(tune.tonic for tune in trained)
        assert vocabulary.tonic_counts[fold].tolist() == [tonics[tonic] for tonic in range(12)]


def broken(**changes: Any) -> dict[str, Any]:
    return {**MelodyEncoding(DATA, MelodyOptions()).vocabulary.as_json(), **changes}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (broken(pitch=[60]), "1 pitch,"),
        (broken(durations=["1/2", "-1"]), "'-1' is no duration"),
        (broken(durations=[]), "numbers outside"),
        (broken(metres=[[0, 4], [3, 4]]), "not positive"),
        (broken(seen=[[0], [1], [10_000]]), "seen has numbers outside"),
        (broken(seen=[[0]]), "not as many folds"),
        (broken(bars=[[[0, 0, 1]]]), "not as many folds"),
        (broken(tonics=[[1], [1], [1]]), "12 tonics"),
        (broken(bars=[[[9, 0, 1]], [], []]), "bars has numbers outside"),
        (broken(fifths=[0]), "1 place on the line of fifths"),
        (broken(floor={"eps": 0.1, "pitches": [1], "durations": [1, 1, 1]}), "129 pitches and 3 durations"),
        (broken(floor={"eps": 0.1, "pitches": [1] * 129, "durations": [1, 1, -1]}), "no count is negative"),
        (broken(floor={"eps": 1.5, "pitches": [1] * 129, "durations": [1, 1, 1]}), "between 0 and 1"),
    ],
)
def test_invalid_json_is_rejected(content: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MelodyVocabulary.from_json(content)


def test_the_floor_is_that_of_a_model_of_all_pieces() -> None:
    """Four networks trained on three folds each and one trained on all have the same floor."""
    refit = MelodyEncoding(for_refit(DATA), MelodyOptions())
    folded = MelodyEncoding(DATA, MelodyOptions()).vocabulary.floor
    beside = MelodyEncoding(for_test(DATA, melodies(TUNES, num_folds=3)), MelodyOptions()).vocabulary.floor
    assert folded is not None
    assert beside is not None
    assert refit.eps[0] == folded.eps
    np.testing.assert_array_equal(folded.log_p0(len(DATA.durations)), refit.log_p0[0])
    assert beside.as_json() == folded.as_json()


def test_the_floor_on_a_larger_grid_is_a_distribution_with_unseen_events() -> None:
    floor = MelodyEncoding(DATA, MelodyOptions()).vocabulary.floor
    assert floor is not None
    p0 = np.exp(floor.log_p0(len(floor.durations) + 2)).reshape(129, -1)
    assert p0.sum() == pytest.approx(1.0, abs=1e-12)
    assert p0[:, -1].sum() == pytest.approx(1 / (floor.durations.sum() + p0.shape[1]))


def test_json_of_an_earlier_version_lacks_a_key() -> None:
    content = broken()
    del content["bars"]
    with pytest.raises(KeyError, match="bars"):
        MelodyVocabulary.from_json(content)


def test_json_of_an_earlier_version_has_no_floor() -> None:
    content = broken()
    del content["floor"], content["fifths"]
    actual = MelodyVocabulary.from_json(content)
    assert (actual.floor, actual.token_fifths) == (None, None)
