"""Files of composers: damaged, foreign, incompatible and excessive ones are refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from models.composer.composing.tune_composer import TuneComposer
from models.composer.scoring import score_tunes
from models.composer.spec import ComposerSpec
from models.stylenet.spec import StyleNetSpec
from models.training import checkpoint
from tests.hand_melodies import melodies, random_tunes
from tests.models.drawn_weights import watched_draws
from tests.models.trained_composers import trained


def test_files_that_are_not_a_composer_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="must exist"):
        TuneComposer.load(tmp_path / "nowhere.pt")
    (tmp_path / "text.pt").write_text("a model")
    with pytest.raises(BadInputError, match="is not a checkpoint"):
        TuneComposer.load(tmp_path / "text.pt")
    checkpoint.save(tmp_path / "stylenet.pt", {}, StyleNetSpec(), {"family": "stylenet"})
    with pytest.raises(BadInputError, match=r"takes a trained composer: .* is a stylenet"):
        TuneComposer.load(tmp_path / "stylenet.pt")
    checkpoint.save(tmp_path / "state.pt", {}, ComposerSpec(), {"seed": 1, "trial": 2})
    with pytest.raises(BadInputError, match="still in training"):
        TuneComposer.load(tmp_path / "state.pt")


def saved_with(path: Path, saved: checkpoint.Checkpoint, **changes: Any) -> Path:
    content = {"training": saved.training, "spec": saved.spec, "vocabulary": saved.extra["vocabulary"], **changes}
    extra = {**saved.extra, "vocabulary": content["vocabulary"]}
    checkpoint.save(path, content["training"], ComposerSpec.model_validate(content["spec"]), extra)
    return path


def test_weights_vocabulary_and_settings_that_do_not_fit_are_refused_in_one_line(tmp_path: Path) -> None:
    saved = checkpoint.load(trained(tmp_path / "model.pt"))
    vocabulary: dict[str, Any] = dict(saved.extra["vocabulary"])
    old = {name: value for name, value in vocabulary.items() if name not in {"metres", "bars", "tonics"}}
    shorter = {**vocabulary, **{name: vocabulary[name][:-1] for name in ("pitch", "duration", "position", "fifths")}}
    shorter["seen"] = [[token for token in row if token < len(shorter["pitch"])] for row in vocabulary["seen"]]
    assert MelodyVocabulary.from_json(shorter).num_tokens == len(vocabulary["pitch"]) - 1
    lacking = {name: value for name, value in saved.training.items() if name != "head_weight.own"}
    for number, changes in enumerate(
        [{"vocabulary": old}, {"vocabulary": shorter}, {"vocabulary": 3}, {"training": lacking},
         {"spec": {**saved.spec, "size": 9}}]
    ):  # fmt: skip
        broken = saved_with(tmp_path / f"{number}.pt", saved, **changes)
        with pytest.raises(BadInputError, match=r"is not a complete composer \(.+\); train the trial again") as refused:
            TuneComposer.load(broken)
        assert "\n" not in str(refused.value)
    assert "lacks 'metres'" in str(refused_by(tmp_path / "0.pt"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"size": -1}, "size = -1 is not legal: "), ({"colour": "red"}, "no setting is called 'colour'")],
)
def test_an_illegal_stored_setting_is_named(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    content = torch.load(trained(tmp_path / "model.pt"), weights_only=True)
    torch.save({**content, "spec": json.dumps({**json.loads(content["spec"]), **changes})}, tmp_path / "model.pt")
    assert message in str(refused_by(tmp_path / "model.pt"))


def refused_by(path: Path) -> BadInputError:
    with pytest.raises(BadInputError) as refused:
        TuneComposer.load(path)
    return refused.value


def test_settings_for_a_larger_model_than_the_weights_are_refused_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = checkpoint.load(trained(tmp_path / "model.pt"))
    large = {"size": 2048, "layers": 8, "embedding": 1024, "copying_units": 1024}
    drawn = watched_draws(monkeypatch)
    for number, (name, value) in enumerate(large.items()):
        file = saved_with(tmp_path / f"{number}.pt", saved, spec={**saved.spec, name: value})
        message = r"is not a complete composer \(its weights do not fit its settings: .+\); train the trial again"
        with pytest.raises(BadInputError, match=message) as refused:
            TuneComposer.load(file)
        assert "\n" not in str(refused.value)
        with pytest.raises(BadInputError, match="is not a complete composer"):
            score_tunes(file, melodies(random_tunes(4, 2)), None)
    assert not drawn
    TuneComposer.load(tmp_path / "model.pt")
    assert drawn


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"durations": ["1e999999999"]}, "'1e999999999' is no duration"),
        ({"positions": ["1/0"]}, "'1/0' is no duration or position"),
        ({"seen": [[0]] * 100_000}, "1 to 256 networks: it has 100000"),
        ({"metres": [[4, 4]] * 30_000, "positions": ["0"] * 30_000}, "30000 metres and 30000 positions are more than"),
    ],
    ids=["a huge number", "no number", "networks", "counts"],
)
def test_vocabularies_of_excessive_size_are_refused(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    saved = checkpoint.load(trained(tmp_path / "model.pt"))
    file = saved_with(tmp_path / "large.pt", saved, vocabulary={**saved.extra["vocabulary"], **changed})
    assert message in str(refused_by(file))
