"""Forms: parsing, and repetition of composed parts."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import BadInputError
from data_prep.tunes.measures import measure
from models.composer.composing.sampling import RECALLED, recall
from models.composer.composing.tune_composer import TuneComposer
from models.uses.form import parse_form
from models.uses.request import SamplingRequest
from tests.models.trained_composers import trained


def test_a_part_repeats_the_latest_part_with_its_letter() -> None:
    form = parse_form("aaba", 16, 1000)
    back = [form.bars_back(bar) for bar in range(-1, 16)]
    assert back == [None] * 5 + [4] * 4 + [None] * 4 + [8] * 4


@pytest.mark.parametrize(
    ("text", "bars", "message"),
    [
        ("AAB", 16, "got 16 bars for 3 parts; ask for 15 bars"),
        ("ABCD", 2, "ask for 4 bars"),
        ("ABCDEFG", 1000, "ask for 994 bars"),
        ("ß", 16, "got 'ß'"),
        ("A-B", 16, "1 to 26 letters, one for each part"),
        ("", 16, "got ''"),
    ],
)
def test_illegal_forms_are_refused(text: str, bars: int, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        SamplingRequest(form=text, bars=bars)


def test_recalling_mixes_with_one_token() -> None:
    p = np.array([0.5, 0.3, 0.2])
    log_p = np.log(p)
    recall(log_p, 2)
    np.testing.assert_allclose(np.exp(log_p), (1 - RECALLED) * p + RECALLED * np.array([0, 0, 1]))


@pytest.mark.parametrize("copying", ["off", "match+bars"])
def test_parts_of_one_letter_are_alike(tmp_path: Path, copying: str) -> None:
    composer = TuneComposer.load(trained(tmp_path / "model.pt", copying=copying))
    plain, formed = (
        [measure(tune) for tune in composer.compose(SamplingRequest(bars=32, form=form, end_on_tonic=False), count=8)]
        for form in (None, "AABB")
    )
    for lag, more in ((8, 0.35), (4, -0.2)):
        of_plain, of_formed = (
            sum(actual[f"similarity_{lag}"] or 0 for actual in tunes) / 8 for tunes in (plain, formed)
        )
        assert of_formed - of_plain > more


def test_a_prompt_is_repeated_too(tmp_path: Path) -> None:
    composer = TuneComposer.load(trained(tmp_path / "model.pt"))
    (prompt,) = composer.compose(SamplingRequest(bars=4), seed=7)
    request = SamplingRequest(bars=8, form="AA", prompt=prompt, prompt_notes=prompt.num_notes // 2, end_on_tonic=False)
    for tune in composer.compose(request, count=5):
        places = dict(zip(tune.onsets(), tune.pitch, strict=True))
        onsets = tune.onsets()[: tune.num_prompt]
        alike = [places.get(onset + 4 * tune.bar_length) == places[onset] for onset in onsets]
        assert np.mean(alike) > 0.5
