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
from search.trials.files import TrialFiles, model_path
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


def test_a_trial_that_was_cut_off_goes_on_as_if_nothing_had_been(tmp_path: Path) -> None:
    whole = losses(train(None))
    assert [epoch for epoch, _ in whole] == list(range(1, 10))
    assert losses(train(tmp_path, until=5)) == whole[:5]
    assert losses(train(tmp_path)) == whole[2:], "the epoch that it was saved at is reported again"


@pytest.mark.parametrize("death", [1, 3, 9])
def test_a_report_that_was_lost_behind_its_checkpoint_comes_after_all(tmp_path: Path, death: int) -> None:
    whole = losses(train(None))
    saving: dict[str, Any] = {"save_after": (1, 3, 9)}
    assert losses(train(tmp_path, until=death, **saving)) == whole[:death]  # its last is lost: whoever takes it dies
    model_path(tmp_path, 7).unlink(missing_ok=True)
    assert losses(train(tmp_path, **saving)) == whole[death - 1 :]
    assert model_path(tmp_path, 7).exists()


def test_it_saves_after_the_given_epochs_alone_and_before_it_reports(tmp_path: Path) -> None:
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


def test_the_trained_model_is_kept_whole_and_small_when_the_budget_is_done(tmp_path: Path) -> None:
    path = model_path(tmp_path, 7)
    train(tmp_path, until=8)
    assert not path.exists()
    train(tmp_path)
    found = checkpoint.load(path)
    assert ToySpec.model_validate(found.spec) == SPEC
    assert set(found.training) == {"weights"}
    said = {"seed": 3, "trial": 7, "family": "toy", "fingerprint": "toy-1", "vocabulary": {"columns": 4}}
    assert found.extra == said


def test_a_checkpoint_from_before_a_setting_existed_is_taken_up(tmp_path: Path) -> None:
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
def test_a_composers_checkpoint_from_before_copying_is_taken_up(settings: dict[str, Any], tmp_path: Path) -> None:
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
        return [(one.epoch, one.metrics["nats_per_note"].values) for one in reports]

    losses_of(tmp_path, until=2)
    (path,) = tmp_path.rglob("*.pt")
    as_before_copying(path)
    assert losses_of(tmp_path, until=3) == losses_of(None, until=3)[1:]


def test_another_searchs_checkpoint_is_not_taken_up(tmp_path: Path) -> None:
    train(tmp_path, until=5)
    assert train(tmp_path, until=1, seed=4)[0].epoch == 1
    train(tmp_path, until=5)
    assert train(tmp_path, until=1, spec=SPEC.model_copy(update={"lr": 0.06}))[0].epoch == 1


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
def test_a_damaged_checkpoint_costs_the_epochs_since_the_one_before_it(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    whole, said = losses(train(None)), list[str]()
    train(tmp_path, until=5)
    older, newer = sorted((tmp_path / "checkpoints").iterdir())
    damage(newer)
    assert losses(train(tmp_path, until=4, say=said.append)) == whole[:4], "it goes on from epoch 1, reported again"
    note = f"{newer} cannot be read: damaged or cut short; trial 7 resumes from its checkpoint of epoch 1"
    assert said == [note]
    assert losses(train(tmp_path, until=4)) == whole[2:4], "the damaged file has been written anew"
    damage(older)
    damage(newer)
    said.clear()
    assert losses(train(tmp_path, say=said.append)) == whole
    assert said == [f"{newer} and {older} cannot be read: damaged or cut short; trial 7 starts over"]


def test_a_checkpoint_of_an_older_version_that_wrote_no_epoch_in_its_name_is_taken_up(tmp_path: Path) -> None:
    train(tmp_path, until=5, save_after=(3,))
    (path,) = (tmp_path / "checkpoints").iterdir()
    path.rename(path.with_name("trial-00007.pt"))
    assert losses(train(tmp_path)) == losses(train(None))[2:]


def test_a_checkpoint_of_a_newer_version_is_not_trained_over(tmp_path: Path) -> None:
    train(tmp_path, until=5, save_after=(3,))
    (path,) = (tmp_path / "checkpoints").iterdir()
    torch.save({**torch.load(path, weights_only=True), "format": 99}, path)
    with pytest.raises(BadInputError, match=r"checkpoints up to format \d+: got format"):
        train(tmp_path)


def test_other_numbers_and_seeds_give_other_streams() -> None:
    assert losses(train(None, until=1)) == losses(train(None, until=1))
    assert losses(train(None, until=1)) != losses(train(None, until=1, number=8))
    assert losses(train(None, until=1)) != losses(train(None, until=1, seed=4))


def test_a_diverging_trial_ends_at_once_and_reports_nothing_of_it() -> None:
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
