"""Copying composers on pieces with little to copy: of one note, without a metre, without repetitions."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.votes import NUM_MATCHES
from data_prep.pitches import REST
from data_prep.randomness import stream
from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.family import EpochReport
from models.metrics import NATS_PER_NOTE
from tests.hand_melodies import Tune, melodies, random_tunes

HALF, ONE = Fraction(1, 2), Fraction(1)


def reports(data: Melodies, **settings: Any) -> list[EpochReport]:
    spec = ComposerSpec.from_values({"size": 16, "embedding": 8, "length": 32, "epochs": 2, **settings})
    return list(Composer().start(spec, data, seed=0, trial=0, device="cpu").epochs())


def tried(**settings: tuple[object, ...]) -> dict[str, tuple[object, ...]]:
    return {**{name: (value,) for name, value in ComposerSpec().model_dump().items()}, **settings}


def without_metres() -> Melodies:
    data = melodies(random_tunes(12))
    data.votes["length"][:, NUM_MATCHES:] = -1
    for name in ("votes", "top", "hits"):
        data.votes[name][:, NUM_MATCHES:] = 0
    return data


def test_a_corpus_without_earlier_bars_to_copy_causes_a_remark() -> None:
    remarks = Composer().remarks
    (remark,) = remarks(tried(), without_metres())
    assert (
        remark
        == "no piece of by hand has a metre and notes that are full bars apart: copying from earlier bars has no effect"
    )
    assert remarks(tried(copying=("off", "match+bars")), without_metres()) == (remark,)
    assert remarks(tried(), melodies(random_tunes(12))) == ()
    for settings in ({"copying": ("off", "match")}, {"reading": ("literal",)}):
        assert remarks(tried(**settings), without_metres()) == ()


@pytest.mark.parametrize("copying", ["match", "match+bars"])
@pytest.mark.parametrize("pitch", [60, REST])
@pytest.mark.parametrize("settings", [{}, {"near_miss": 0.5}, {"factorisation": "rhythm_first"}], ids=str)
def test_pieces_of_one_note_or_rest_can_be_used_in_training(copying: str, pitch: int, settings: dict[str, Any]) -> None:
    tunes = [Tune([(pitch, ONE)], fold) for fold in (0, 1, 0)] + [
        Tune([(60, ONE), (62, HALF)], fold) for fold in (0, 1)
    ]
    for report in reports(melodies(tunes), copying=copying, beat="target", **settings):
        assert all(values.is_finite for values in report.metrics.values())


def test_copying_costs_almost_nothing_without_repetitions() -> None:
    random = stream(0, "tunes that never repeat")
    tunes = [
        Tune([(int(60 + random.integers(12)), HALF * int(random.integers(1, 3))) for _ in range(48)], number % 4)
        for number in range(40)
    ]
    data = melodies(tunes, num_folds=4)
    plain, *copying = (
        reports(data, copying=copying, epochs=8)[-1].metrics[NATS_PER_NOTE.name].mean
        for copying in ("off", "match", "match+bars")
    )
    assert plain == pytest.approx(np.log(24), abs=0.02)
    assert max(copying) < plain + 0.03
