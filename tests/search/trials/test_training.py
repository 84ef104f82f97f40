import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_family import ToyFamily, ToySpec, toy_data

from data_prep.errors import BadInputError
from data_prep.storage.folder_store import FolderStore
from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.family import EpochReport
from models.training import checkpoint
from search.trials.files import TrialFiles, model_path, snapshot_paths
from search.trials.training import TrialDivergedError, train_trial
from tests.hand_melodies import melodies, random_tunes
from tests.models.trained_composers import as_before_copying

TOY = ToyFamily()
SPEC = ToySpec(solver="momentum", lr=0.05, epochs=9)


class CutOffError(Exception):
    pass


def train(
    folder: Path | None, until: int = 99, spec: ToySpec = SPEC, seed: int = 3, **changes: Any
) -> list[EpochReport]:
    reports: list[EpochReport] = []

    def report(epoch: EpochReport) -> None:
        reports.append(epoch)
        if epoch.epoch == until:
            raise CutOffError

    options: dict[str, Any] = {"number": 7, "device": "cpu", "save_after": (1, 3), **changes}
    with suppress(CutOffError):
        train_trial(TOY, spec, toy_data(), report, seed=seed, files=folder and files(folder), **options)
    return reports


def files(folder: Path) -> TrialFiles:
    return TrialFiles(FolderStore(folder))


def losses(reports: list[EpochReport]) -> list[tuple[int, tuple[float, ...]]]:
    return [(report.epoch, report.metrics["loss"].values) for report in reports]


def test_an_interrupted_trial_resumes_with_the_same_losses(tmp_path: Path) -> None:
    uninterrupted = losses(train(None))
    assert [epoch for epoch, _ in uninterrupted] == list(range(1, 10))
    assert losses(train(tmp_path, until=5)) == uninterrupted[:5]
    assert losses(train(tmp_path)) == uninterrupted[2:], "the epoch of the checkpoint is reported again"


def test_a_trial_resumes_with_as_many_folds_as_before(tmp_path: Path) -> None:
    joining: dict[str, Any] = {"first_folds": (1, 2)}
    uninterrupted = losses(train(None, **joining))
    assert [len(values) for _, values in uninterrupted] == [1, 1, *[2] * 7]
    assert losses(train(tmp_path, until=2, **joining)) == uninterrupted[:2]
    assert losses(train(tmp_path, until=4, **joining)) == uninterrupted[:4]
    assert losses(train(tmp_path, **joining)) == uninterrupted[2:]


@pytest.mark.parametrize(("before", "after"), [(None, (1, 2)), ((1, 2), None), ((1, 2), (1, 4))])
def test_a_checkpoint_with_other_first_folds_is_not_used(
    before: tuple[int, int] | None, after: tuple[int, int] | None, tmp_path: Path
) -> None:
    train(tmp_path, until=5, first_folds=before)
    assert losses(train(tmp_path, first_folds=after)) == losses(train(None, first_folds=after))


@pytest.mark.parametrize("death", [1, 3, 9])
def test_a_report_lost_after_its_checkpoint_is_repeated(tmp_path: Path, death: int) -> None:
    uninterrupted = losses(train(None))
    saving: dict[str, Any] = {"save_after": (1, 3, 9)}
    assert losses(train(tmp_path, until=death, **saving)) == uninterrupted[:death]  # counting the last as lost
    model_path(tmp_path, 7).unlink(missing_ok=True)
    assert losses(train(tmp_path, **saving)) == uninterrupted[death - 1 :]
    assert model_path(tmp_path, 7).exists()


def test_checkpoints_are_saved_only_after_the_given_epochs_and_before_the_report(tmp_path: Path) -> None:
    seen: list[list[int]] = []

    def report(epoch: EpochReport) -> None:
        states = map(files(tmp_path).load_state, files(tmp_path).states_of(7))
        seen.append([state.training["epoch"] for state in states if state])
        del epoch

    train_trial(
        TOY, SPEC, toy_data(), report, seed=3, number=7, files=files(tmp_path), device="cpu", save_after=(2, 4, 6)
    )
    assert seen == [[], [2], [2], [4, 2], [4, 2], [6, 4], [6, 4], [6, 4], [6, 4]]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.pt")) == [
        "checkpoints/trial-00007-epoch-00004.pt",
        "checkpoints/trial-00007-epoch-00006.pt",
        "models/trial-00007.pt",
    ]


def test_the_trained_model_is_saved_without_optimiser_state_after_the_full_budget(tmp_path: Path) -> None:
    path = model_path(tmp_path, 7)
    train(tmp_path, until=8)
    assert not path.exists()
    train(tmp_path)
    model = checkpoint.load(path)
    assert ToySpec.model_validate(model.spec) == SPEC
    assert set(model.training) == {"weights"}
    extra = {"seed": 3, "trial": 7, "family": "toy", "fingerprint": "toy-1", "vocabulary": {"columns": 4}}
    assert model.extra == {**extra, "backend": "reference"}


def test_a_checkpoint_from_before_a_setting_existed_is_used(tmp_path: Path) -> None:
    wide = SPEC.model_copy(update={"columns": 8})
    train(tmp_path, until=5, spec=wide)
    path = max(tmp_path.rglob("*.pt"))
    content = torch.load(path, weights_only=True)
    stored = json.loads(content["spec"])
    assert stored.pop("columns") == 8
    torch.save({**content, "spec": json.dumps(stored)}, path)
    assert losses(train(tmp_path, spec=wide)) == losses(train(None, spec=wide))[2:]
    assert ToySpec.from_stored(stored) == wide


@pytest.mark.parametrize("settings", [{"copying": "off"}, {"reading": "literal"}], ids=str)
def test_a_composer_checkpoint_from_before_copying_is_used(settings: dict[str, Any], tmp_path: Path) -> None:
    data = melodies(random_tunes(12))
    spec = ComposerSpec.from_values({"size": 8, "embedding": 6, "epochs": 3, **settings})

    def losses_of(folder: Path | None, until: int) -> list[tuple[int, tuple[float, ...]]]:
        reports: list[EpochReport] = []

        def report(epoch: EpochReport) -> None:
            reports.append(epoch)
            if epoch.epoch == until:
                raise CutOffError

        options: dict[str, Any] = {"seed": 0, "number": 1, "device": "cpu", "save_after": (2,)}
        with suppress(CutOffError):
            train_trial(Composer(), spec, data, report, files=folder and files(folder), **options)
        return [(report.epoch, report.metrics["nats_per_note"].values) for report in reports]

    losses_of(tmp_path, until=2)
    (path,) = tmp_path.rglob("*.pt")
    as_before_copying(path)
    assert losses_of(tmp_path, until=3) == losses_of(None, until=3)[1:]


def test_a_checkpoint_with_another_seed_or_spec_is_not_used(tmp_path: Path) -> None:
    train(tmp_path, until=5)
    assert train(tmp_path, until=1, seed=4)[0].epoch == 1
    train(tmp_path, until=5)
    assert train(tmp_path, until=1, spec=SPEC.model_copy(update={"lr": 0.06}))[0].epoch == 1


def test_a_checkpoint_of_another_backend_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    messages = list[str]()
    train(tmp_path, until=5)
    for path in (tmp_path / "checkpoints").iterdir():
        saved = torch.load(path, weights_only=True)
        extra = {**json.loads(saved["extra"]), "backend": "native"}
        torch.save({**saved, "extra": json.dumps(extra)}, path)
    monkeypatch.setenv("TUNESMITH_BACKEND", "reference")
    assert losses(train(tmp_path, until=4, say=messages.append)) == losses(train(None, until=4))
    assert messages == ["its checkpoints are of the backend native, not reference; trial 7 starts over"]


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def with_a_wrong_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    at = bytes(content).index(torch.load(path, weights_only=True)["training"]["weights"].numpy().tobytes())
    content[at + 5] ^= 1
    path.write_bytes(content)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("damage", [cut_short, with_a_wrong_byte, emptied])
def test_a_trial_with_a_damaged_checkpoint_resumes_from_the_previous_one(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    uninterrupted, messages = losses(train(None)), list[str]()
    train(tmp_path, until=5)
    older, newer = sorted((tmp_path / "checkpoints").iterdir())
    damage(newer)
    assert losses(train(tmp_path, until=4, say=messages.append)) == uninterrupted[:4], "it resumes from epoch 1"
    message = f"{newer} cannot be read: damaged or cut short; trial 7 resumes from its checkpoint of epoch 1"
    assert messages == [message]
    assert losses(train(tmp_path, until=4)) == uninterrupted[2:4], "the damaged file was replaced"
    damage(older)
    damage(newer)
    messages.clear()
    assert losses(train(tmp_path, say=messages.append)) == uninterrupted
    assert messages == [f"{newer} and {older} cannot be read: damaged or cut short; trial 7 starts over"]


def test_a_checkpoint_of_an_older_version_without_an_epoch_in_its_name_is_used(tmp_path: Path) -> None:
    train(tmp_path, until=5, save_after=(3,))
    (path,) = (tmp_path / "checkpoints").iterdir()
    path.rename(path.with_name("trial-00007.pt"))
    assert losses(train(tmp_path)) == losses(train(None))[2:]


def test_a_checkpoint_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    train(tmp_path, until=5, save_after=(3,))
    (path,) = (tmp_path / "checkpoints").iterdir()
    torch.save({**torch.load(path, weights_only=True), "format": 99}, path)
    with pytest.raises(BadInputError, match=r"checkpoints up to format \d+: got format"):
        train(tmp_path)


def test_another_number_or_seed_gives_other_losses() -> None:
    assert losses(train(None, until=1)) == losses(train(None, until=1))
    assert losses(train(None, until=1)) != losses(train(None, until=1, number=8))
    assert losses(train(None, until=1)) != losses(train(None, until=1, seed=4))


def test_a_diverging_trial_ends_without_reporting_the_epoch() -> None:
    reports: list[EpochReport] = []
    with pytest.raises(TrialDivergedError, match="loss is not finite at epoch"):
        train_trial(
            TOY,
            ToySpec(lr=100.0, columns=8, epochs=500),
            toy_data(),
            reports.append,
            seed=0,
            number=0,
            files=None,
            device="cpu",
        )
    assert reports
    assert all(report.metrics["loss"].is_finite for report in reports)


def test_snapshots_are_the_models_after_their_epochs_and_move_with_the_model(tmp_path: Path) -> None:
    store, home = tmp_path / "store", tmp_path / "home"
    store.mkdir()
    home.mkdir()
    train(store, snapshots=(2, 5, 9, 40))
    files(store).move_model(7, files(home))
    assert list(snapshot_paths(home, 7)) == [2, 5], "the last epoch's is the model itself"
    assert not list((store / "models").iterdir())
    for epoch, path in {**snapshot_paths(home, 7), 9: model_path(home, 7)}.items():
        shorter = tmp_path / f"until{epoch}"
        shorter.mkdir()
        train(shorter, until=epoch, save_after=(epoch,))
        (name,) = files(shorter).states_of(7)
        state = files(shorter).load_state(name)
        assert state is not None
        saved = checkpoint.from_bytes(path.read_bytes(), str(path))
        assert torch.equal(saved.training["weights"], state.training["weights"])
