"""Transposition of tunes to the most likely key of the training pieces."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from models.composer.composing.best_key import in_best_key
from models.composer.composing.tune_composer import TuneComposer
from models.uses.request import SamplingRequest
from tests.models.trained_composers import trained

PITCH = (62, 64, 66, REST, 67, 69, 71, 73, 74, 62)  # D major
D_MAJOR = Tune(PITCH, (Fraction(1),) * len(PITCH), fifths=2)
COUNTS = np.bincount([note for note in PITCH if note != REST], minlength=129)


@pytest.mark.parametrize("shift", range(-12, 13))
def test_a_transposed_tune_is_transposed_back(shift: int) -> None:
    actual = in_best_key(D_MAJOR.transposed(shift), COUNTS, 0, 127)
    assert actual == D_MAJOR


def test_transposed_notes_stay_in_the_range_and_rests_stay_rests() -> None:
    plain = D_MAJOR.transposed(5)
    for low, high in ((67, 79), (66, 79), (60, 79)):
        actual = in_best_key(plain, COUNTS, low, high)
        sounding = [note for note in actual.pitch if note != REST]
        assert low <= min(sounding)
        assert max(sounding) <= high
        assert actual.pitch[3] == REST
        assert (actual.tonic - actual.pitch[0]) % 12 == 0
    silence = Tune((REST,), (Fraction(1),))
    assert in_best_key(silence, COUNTS, 0, 127) is silence


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> TuneComposer:
    return TuneComposer.load(trained(tmp_path_factory.mktemp("model") / "model.pt", augment=6))


def test_free_tunes_of_a_model_of_all_keys_are_in_the_likeliest_key(composer: TuneComposer) -> None:
    floor = composer.vocabulary.floor
    assert floor is not None
    log_p = np.log(floor.pitches[:128] + 1)
    for tune in composer.compose(SamplingRequest(bars=4), count=8, seed=2):
        pitch = np.array([note for note in tune.pitch if note != REST])
        fits = [log_p[pitch + shift].sum() for shift in range(-pitch.min(), 128 - pitch.max())]
        assert log_p[pitch].sum() >= max(fits) - 1e-9
        assert pitch[-1] % 12 == tune.tonic


def test_requested_keys_prompts_and_ranges_are_kept(composer: TuneComposer) -> None:
    for tune in composer.compose(SamplingRequest(bars=4, key="Db"), count=4, seed=2):
        assert tune.fifths == -5
        assert {note % 12 for note in tune.pitch if note != REST} <= tune.scale
    request = SamplingRequest(bars=8, prompt=D_MAJOR.transposed(-1), prompt_notes=4)
    for tune in composer.compose(request, count=4, seed=2):
        assert tune.pitch[:4] == D_MAJOR.transposed(-1).pitch[:4]
    for tune in composer.compose(SamplingRequest(bars=4, lowest="F4", highest="F5"), count=4, seed=2):
        assert all(65 <= note <= 77 for note in tune.pitch if note != REST)


def test_tunes_of_other_models_are_not_transposed(tmp_path: Path) -> None:
    composer = TuneComposer.load(trained(tmp_path / "model.pt"))
    floor = composer.vocabulary.floor
    assert floor is not None
    tunes = composer.compose(SamplingRequest(bars=4), count=12, seed=2)
    assert any(tune != in_best_key(tune, floor.pitches, 0, 127) for tune in tunes)
