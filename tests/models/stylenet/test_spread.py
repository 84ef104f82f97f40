"""The spread of human velocities: computed piece by piece, stored with a model, and restored in predictions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import BadInputError
from data_prep.performances.arrays import Performance
from models.stylenet.performer import Performer
from models.stylenet.spec import StyleNetSpec
from models.stylenet.spread import human_spreads, played_spreads
from models.training import checkpoint
from models.uses.performing import Shaping, dynamics, with_accents, with_spread
from tests.models.toy_performances import STYLES
from tests.models.trained_stylenets import DATA, trained


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(tmp_path_factory.mktemp("model") / "model.pt")


def test_spreads_are_medians_over_the_training_pieces_of_each_fold() -> None:
    own = [float(np.std(DATA.one(number).velocity.astype(float))) for number in range(DATA.num_pieces)]
    assert played_spreads(DATA) == pytest.approx(own)
    for fold in range(DATA.num_folds):
        for style in range(len(STYLES)):
            learnt = [own[n] for n in range(DATA.num_pieces) if DATA.fold[n] != fold and DATA.style[n] == style]
            assert human_spreads(DATA)[fold, style] == pytest.approx(np.median(learnt))


def test_pieces_that_no_network_learns_from_do_not_count() -> None:
    sealed = replace(DATA, fold=np.where(np.arange(DATA.num_pieces) == 0, -1, DATA.fold).astype(np.int8))
    louder = replace(sealed, velocity=np.where(DATA.piece_of_note == 0, 1, DATA.velocity).astype(np.int16))
    assert np.array_equal(human_spreads(sealed), human_spreads(louder))


def test_a_model_stores_the_spread_of_each_style_and_predictions_get_it(path: Path) -> None:
    model, piece = Performer.load(path), DATA.one(0)
    stored = dict(zip(STYLES, human_spreads(DATA).mean(axis=0), strict=True))
    assert model.spreads == pytest.approx(stored)
    for style in STYLES:
        shaped = dynamics(piece, model, style, Shaping(spread="human"))
        predicted = model.velocities(piece, style)
        assert np.std(shaped) == pytest.approx(stored[style])
        assert np.mean(shaped) == pytest.approx(np.mean(predicted))
        assert np.array_equal(np.argsort(shaped), np.argsort(predicted))
        twice = dynamics(piece, model, style, Shaping(spread="human", amount=2.0))
        assert np.std(twice) == pytest.approx(2 * stored[style])
    assert model.human_spread({"calm": 1, "wild": 3}) == pytest.approx(0.25 * stored["calm"] + 0.75 * stored["wild"])


def test_a_model_of_an_earlier_version_performs_but_has_no_human_spread(path: Path, tmp_path: Path) -> None:
    saved = checkpoint.load(path)
    spec = StyleNetSpec.model_validate(saved.spec)
    extra = {**saved.extra, "vocabulary": {"styles": list(STYLES)}}
    checkpoint.save(tmp_path / "old.pt", saved.training, spec, extra)
    old, piece = Performer.load(tmp_path / "old.pt"), DATA.one(0)
    assert np.array_equal(old.velocities(piece, "calm"), Performer.load(path).velocities(piece, "calm"))
    with pytest.raises(BadInputError, match=r"the human spread is learnt with the model: .*; train the trial again"):
        dynamics(piece, old, "calm", Shaping(spread="human"))
    with pytest.raises(BadInputError, match="did you mean 'calm'"):
        old.human_spread("calmm")


@pytest.mark.parametrize(
    "spreads", [{"calm": 9.0}, {"calm": -1.0, "wild": 9.0}, {"calm": 1e9, "wild": 9.0}, [9.0, 9.0]]
)
def test_invalid_stored_spreads_are_refused(spreads: object, path: Path, tmp_path: Path) -> None:
    saved = checkpoint.load(path)
    extra = {**saved.extra, "vocabulary": {"styles": list(STYLES), "spreads": spreads}}
    checkpoint.save(tmp_path / "bad.pt", saved.training, StyleNetSpec.model_validate(saved.spec), extra)
    with pytest.raises(BadInputError, match="is not a complete stylenet"):
        Performer.load(tmp_path / "bad.pt")


def test_equal_velocities_stay_equal_and_unknown_ones_unknown() -> None:
    assert with_spread(np.full(5, 70.0), 12.0).tolist() == [70.0] * 5
    scaled = with_spread(np.array([60.0, np.nan, 64.0]), 10.0)
    assert scaled == pytest.approx([52.0, np.nan, 72.0], nan_ok=True)
    assert np.isnan(with_spread(np.full(2, np.nan), 5.0)).all()


def written(*velocities: int) -> Performance:
    return replace(
        DATA.one(0),
        **{name: values[: len(velocities)] for name, values in vars(DATA.one(0)).items()}
        | {"velocity": np.array(velocities, np.int16)},
    )


def test_accents_are_deviations_from_the_files_level() -> None:
    predicted = np.array([50.0, 60.0, 70.0, 80.0, 90.0])
    accented = written(64, 64, 100, 64, 40)
    assert with_accents(predicted, accented, 1.0).tolist() == [50, 60, 106, 80, 66]
    assert with_accents(predicted, accented, 0.25).tolist() == [50, 60, 79, 80, 84]
    for share in (0.0, 0.5, 1.0):
        assert with_accents(predicted, written(*[90] * 5), share).tolist() == predicted.tolist()
    outside = replace(accented, pitch=np.array([60, 60, 60, 20, 20], np.int16))
    assert with_accents(predicted, outside, 1.0)[:3].tolist() == [50, 60, 106], "the level is that of the piano's keys"


@pytest.mark.parametrize(
    ("shaping", "message"),
    [
        ({"keep_accents": -0.1}, "the share of accents to keep is a number from 0"),
        ({"keep_accents": 1.01}, "got 1.01"),
        ({"keep_accents": float("nan")}, "got nan"),
        ({"spread": "humann"}, "did you mean 'human'"),
        ({"amount": 101}, "the amount is a number"),
    ],
)
def test_illegal_shapings_are_refused(shaping: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        Shaping(**shaping)  # pyright: ignore[reportArgumentType]
