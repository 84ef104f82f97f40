"""Models of all open pieces, for every family: sealed pieces have no influence."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_prep.encodings.tokens import MelodyEncoding, MelodyOptions
from data_prep.prepared.refitting import for_refit, for_test, groups
from models.families import FAMILIES
from models.family import Family, Training
from models.training import checkpoint
from tests.models.ngram_family.family import Ngram
from tests.models.toy_melodies import melodies_of, random_pieces
from tests.models.toy_performances import random_performances

AnyFamily = Family[Any, Any]
FOLDED: dict[str, Any] = {
    "melodies": melodies_of(random_pieces(24), [piece % 4 for piece in range(24)]),
    "performances": random_performances(),
}


def part(data: Any, chosen: NDArray[np.bool_]) -> Any:
    """Return some of the pieces."""
    of_note = np.repeat(chosen, np.diff(data.start))
    named: dict[str, Any] = {field.name: getattr(data, field.name) for field in fields(data)}
    arrays = {
        name: value[chosen if len(value) == data.num_pieces else of_note]
        for name, value in named.items()
        if hasattr(value, "dtype") and name != "start"
    }
    start = np.concatenate([[0], np.cumsum(np.diff(data.start)[chosen])])
    ids = tuple(name for name, taken in zip(data.ids, chosen, strict=True) if taken)
    return replace(data, **arrays, start=start, ids=ids)


def sealed_and_open(family: AnyFamily) -> tuple[Any, Any]:
    data = FOLDED[family.data_kind]
    return part(data, data.fold == 0), part(data, data.fold > 0)


def start(family: AnyFamily, data: Any, **settings: Any) -> Training:
    spec = family.spec_type.from_values({"epochs": 2, **settings})
    return family.start(spec, data, seed=3, trial=1, device="cpu")


def refit_scores(family: AnyFamily, known: Any, sealed: Any, folder: Path, **settings: Any) -> NDArray[np.float64]:
    """Train on the open pieces, save the model, and score the sealed pieces by the file."""
    training = start(family, for_refit(known), **settings)
    list(training.epochs())
    spec = family.spec_type.from_values({"epochs": 2, **settings})
    extra = {"family": family.name, "vocabulary": training.vocabulary}
    checkpoint.save(folder / "model.pt", training.weights(), spec, extra)
    return family.score(folder / "model.pt", sealed, None).values


every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))


@every_family
def test_sealed_pieces_have_no_influence(family: AnyFamily) -> None:
    sealed, known = sealed_and_open(family)
    refit, with_test = start(family, for_refit(known)), start(family, for_test(known, sealed))
    reports, scored = list(refit.epochs()), list(with_test.epochs())
    assert [report.metrics.keys() for report in reports] == [{"train_loss"}] * 2
    assert [report.metrics["train_loss"] for report in reports] == [report.metrics["train_loss"] for report in scored]
    weights, weights_with_test = refit.weights(), with_test.weights()
    assert weights.keys() == weights_with_test.keys()
    assert all(torch.equal(weights[name], weights_with_test[name]) for name in weights)
    assert refit.vocabulary == with_test.vocabulary


@pytest.mark.parametrize("family", [*FAMILIES.values(), Ngram()], ids=[*FAMILIES, "ngram"])
def test_sealed_pieces_are_scored_like_held_out_pieces(family: AnyFamily, tmp_path: Path) -> None:
    sealed, known = sealed_and_open(family)
    *_, last = start(family, for_test(known, sealed)).epochs()
    scores = refit_scores(family, known, sealed, tmp_path)
    assert len(scores) == sealed.num_pieces
    [expected] = last.metrics[family.metrics[0].name].values
    assert scores.mean() == pytest.approx(expected, rel=1e-6)


def test_mixing_over_frames_costs_a_sealed_tune_at_most_its_own_frame(tmp_path: Path) -> None:
    family = FAMILIES["composer"]
    sealed, known = sealed_and_open(family)
    *_, last = start(family, for_test(known, sealed), transpose=True).epochs()
    scores = refit_scores(family, known, sealed, tmp_path, transpose=True)
    [own_frame] = last.metrics["nats_per_note"].values
    assert np.isfinite(scores).all()
    assert own_frame - np.log(12) < scores.mean() <= own_frame + 1e-9


def test_floors_and_priors_are_those_of_the_fold_that_holds_the_pieces_out() -> None:
    data = FOLDED["melodies"]
    sealed, known = part(data, data.fold == 0), part(data, data.fold > 0)
    options = MelodyOptions(beat="input", transpose=True)
    folded, tested = MelodyEncoding(data, options), MelodyEncoding(for_test(known, sealed), options)
    for name in ("eps", "log_p0", "log_shift_prior", "log_bar_prior", "seen_position"):
        np.testing.assert_array_equal(getattr(tested, name)[0], getattr(folded, name)[0], err_msg=name)
    np.testing.assert_array_equal(tested.keys, folded.keys[folded.seen[0]])


def test_performances_of_a_composition_are_one_group() -> None:
    data = FOLDED["performances"]
    assert len(np.unique(groups(data))) < data.num_pieces
    assert len(np.unique(groups(FOLDED["melodies"]))) == FOLDED["melodies"].num_pieces
