"""Scores of unseen performances: equal to the sealed test, by the mean of networks, by style."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.corpora.selection import select
from data_prep.encodings.views import GridSizes
from data_prep.prepared.refitting import for_refit, for_test
from models.metrics import ONSET_MAE
from models.stylenet.family import StyleNet
from models.stylenet.spec import StyleNetSpec
from models.stylenet.task import StyleNetTask
from models.stylenet.velocity_scores import piece_scores
from models.training import checkpoint
from tests.models.toy_performances import random_performances
from tests.models.trained_stylenets import trained

DATA = random_performances()
KNOWN, SEALED = (select(DATA, np.flatnonzero((DATA.fold == 0) == is_sealed)) for is_sealed in (False, True))


@pytest.mark.parametrize("view", ["note", "grid"])
def test_a_single_network_scores_like_the_sealed_test(view: str, tmp_path: Path) -> None:
    spec = StyleNetSpec.from_values({"epochs": 1, "size": 4, "view": view, "level_shrink": 0.3})
    training = StyleNet().start(spec, for_refit(KNOWN), seed=0, trial=0, device="cpu")
    list(training.epochs())
    path = tmp_path / "model.pt"
    checkpoint.save(path, training.weights(), spec, {"family": "stylenet", "vocabulary": training.vocabulary})
    both = for_test(KNOWN, SEALED)
    tested = StyleNetTask(spec, both, seed=0, trial=0, device="cpu")
    tested.model.load_state_dict(dict(training.weights()))
    expected = piece_scores(both, tested.predict().velocity, GridSizes.of(both)).values[ONSET_MAE.name]
    np.testing.assert_allclose(StyleNet().score(path, SEALED, None).values, expected[KNOWN.num_pieces :], rtol=1e-5)


def test_styles_are_matched_by_name_and_unknown_ones_are_counted(tmp_path: Path) -> None:
    path = trained(tmp_path / "model.pt")
    whole = StyleNet().score(path, SEALED, None)
    assert np.isfinite(whole.values).all()
    assert whole.lacks[0].count == 0
    other = replace(SEALED, styles=("calm", "odd"), style=SEALED.style)
    actual = StyleNet().score(path, other, None)
    np.testing.assert_array_equal(np.isnan(actual.values), SEALED.style == 1)
    np.testing.assert_array_equal(actual.values[SEALED.style == 0], whole.values[SEALED.style == 0])
    many = int((SEALED.style == 1).sum())
    assert str(actual.lacks[0]) == (
        f"performances in a style that the model lacks (it has calm, wild): {many} of {SEALED.num_pieces}"
    )


def test_baselines_score_performances_of_a_single_style() -> None:
    calm = select(SEALED, np.flatnonzero(SEALED.style == 0))
    both = {baseline.name: baseline.pieces for baseline in StyleNet().baselines(for_test(KNOWN, SEALED))}
    for baseline in StyleNet().baselines(for_test(KNOWN, calm)):
        actual = np.array(baseline.pieces)[KNOWN.num_pieces :]
        assert np.isfinite(actual).all()
        if not baseline.name.startswith("random"):
            expected = np.array(both[baseline.name])[KNOWN.num_pieces :][SEALED.style == 0]
            np.testing.assert_allclose(actual, expected)
