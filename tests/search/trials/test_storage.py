"""The storage of trials over all starts of a search: an object store, a folder, and moves between them."""

import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from toy_family import TOY_SEARCH, ToyFamily, ToySpec

from data_prep.storage.folder_store import FolderStore
from data_prep.storage.object_store import UnusableStoreError
from data_prep.storage.urls import store_at
from models.family import EpochReport
from models.metrics import FoldValues
from models.training import checkpoint
from search.spec.file import SearchSpec, parse
from search.study.database import folder, open_study, read_search
from search.study.records import TrialRecord
from search.study.writer import Study
from search.trials.files import TrialFiles, model_path
from search.trials.storage import CheckpointCollector, MigratedFiles, migrate_storage
from tests.object_store import S3Server, object_store
from tests.ray_cluster import wait_until
from tests.search.driver.killed_search import TRIALS, check_mlflow, check_trials_resumed_from_a_rung, drive, trials

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of the object store
TOY = ToyFamily()
SPEC = ToySpec()


@pytest.fixture(scope="module")
def store() -> Generator[S3Server]:
    with object_store() as running:
        running.make_bucket("bucket")
        yield running


@pytest.fixture(params=["folder", "bucket"])
def elsewhere(request: pytest.FixtureRequest, store: S3Server, tmp_path: Path) -> str:
    """A storage other than the home folder."""
    if request.param == "bucket":
        return store.url(f"bucket/{tmp_path.name}")
    (tmp_path / "shared").mkdir()
    return str(tmp_path / "shared")


def toy(storage: str) -> SearchSpec:
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={"storage.url": storage})


def begin(study: Study, search: SearchSpec) -> int:
    trial = study.optuna.ask()
    search.space(trial)  # pyright: ignore[reportArgumentType]
    return trial.number


def report(study: Study, number: int, epochs: int) -> None:
    for epoch in range(1, epochs + 1):
        study.add_epoch(number, EpochReport(epoch, {"loss": FoldValues((1.0, 2.0))}, 0.1))


def save(files: TrialFiles, number: int) -> None:
    for epoch in (1, 3):
        files.save_state(number, epoch, {"epoch": epoch, "number": number}, SPEC, {"trial": number})


def saved(files: TrialFiles, number: int) -> int | None:
    states = [state for name in files.states_of(number) if (state := files.load_state(name))]
    assert [state.training["epoch"] for state in states] == [3, 1][: len(states)], "the newest comes first"
    return states[0].training["number"] if len(states) == 2 else None


def test_checkpoints_of_unfinished_trials_move_to_another_storage_and_back(home: Path, elsewhere: str) -> None:
    """Start three times; trial 0 waits, 1 is full but its model is not in the search's folder, 2 was stopped."""
    with open_study(toy(""), TOY, home, "f") as study:
        own = migrate_storage(study, toy(""), home)
        assert own.files == own.home
        assert own.messages == ()
        for number in range(3):
            assert begin(study, toy("")) == number
            save(own.for_workers, number)
        report(study, 0, 3)
        report(study, 1, 9)
        study.finish(1, "COMPLETE")
        report(study, 2, 1)
        study.finish(2, "PRUNED")
    with open_study(toy(elsewhere), TOY, home, "f") as study:
        away = migrate_storage(study, toy(elsewhere), home)
        label = store_at(elsewhere).label
        assert away.messages == (
            f"moved what 1 trial saved from {folder(home, 'toys')} to {label}/toys-{study.id[:8]}",
        )
        assert (saved(away.files, 0), away.files.states(), own.files.states()) == (0, {0}, set())
        save(away.for_workers, 0)
        away.for_workers.save_model(1, {"w": 1}, SPEC, {})
        assert migrate_storage(study, toy(elsewhere), home).messages == ()
    with open_study(toy(""), TOY, home, "f") as study:
        back = migrate_storage(study, toy(""), home)
        assert len(back.messages) == 1
        assert (saved(back.files, 0), back.files.states(), away.files.states()) == (0, {0}, set())
        assert not away.files.has_model(1)
    assert checkpoint.load(model_path(folder(home, "toys"), 1)).training == {"w": 1}


def test_searches_of_the_same_name_have_separate_folders_in_a_storage(tmp_path: Path, elsewhere: str) -> None:
    migrated: list[MigratedFiles] = []
    for home in (tmp_path / "one", tmp_path / "two"):
        with open_study(toy(elsewhere), TOY, home, "f") as study:
            migrated.append(migrate_storage(study, toy(elsewhere), home))
    save(migrated[0].files, 3)
    assert migrated[1].files.states() == set()


def test_an_interrupted_move_is_repeated(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "shared").mkdir()
    search = toy(str(tmp_path / "shared"))
    with open_study(toy(""), TOY, home, "f") as study:
        own = migrate_storage(study, toy(""), home)
        for number in range(2):
            begin(study, toy(""))
            save(own.files, number)
    copied: list[int] = []
    copy = TrialFiles.copy_states

    def cut_off(self: TrialFiles, number: int, target: TrialFiles) -> None:
        if copied:
            raise KeyboardInterrupt
        copied.append(number)
        copy(self, number, target)

    monkeypatch.setattr(TrialFiles, "copy_states", cut_off)
    with open_study(search, TOY, home, "f") as study, pytest.raises(KeyboardInterrupt):
        migrate_storage(study, search, home)
    assert own.files.states() == {0, 1}
    monkeypatch.undo()
    with open_study(search, TOY, home, "f") as study:
        migrated = migrate_storage(study, search, home)
    assert migrated.files.states() == {0, 1}
    assert "moved what 2 trials saved" in migrated.messages[0]


def test_a_missing_old_storage_is_refused_if_a_trial_waits(home: Path, tmp_path: Path) -> None:
    search = toy(str(tmp_path / "shared"))
    (tmp_path / "shared").mkdir()
    with open_study(search, TOY, home, "f") as study:
        files = migrate_storage(study, search, home).files
        begin(study, search)
        save(files, 0)
    (tmp_path / "shared").rename(tmp_path / "unmounted")
    with (
        open_study(toy(""), TOY, home, "f") as study,
        pytest.raises(
            UnusableStoreError,
            match=r"shared is not \(there is no such folder here\); create it, .*; the trials of toys saved in",
        ),
    ):
        migrate_storage(study, toy(""), home)
    (tmp_path / "unmounted").rename(tmp_path / "shared")
    with open_study(toy(""), TOY, home, "f") as study:
        assert saved(migrate_storage(study, toy(""), home).files, 0) == 0


def finish_one(study: Study, search: SearchSpec, files: TrialFiles) -> list[TrialRecord]:
    number = begin(study, search)
    save(files, number)
    files.save_model(number, {"w": 1}, SPEC, {})
    report(study, number, 9)
    study.finish(number, "COMPLETE")
    return study.records()


def test_models_move_to_the_search_folder_and_checkpoints_of_finished_trials_are_removed(
    home: Path, elsewhere: str
) -> None:
    search = toy(elsewhere)
    with open_study(search, TOY, home, "f") as study:
        migrated = migrate_storage(study, search, home)
        collector = CheckpointCollector(migrated, study.records())
        finish_one(study, search, migrated.files)
        collector.finished(0)
        save(migrated.files, begin(study, search))
        assert collector.close(finish_one(study, search, migrated.files), hurry=False) == []
        assert [migrated.home.has_model(number) for number in range(3)] == [True, False, True]
        assert [migrated.files.has_model(number) for number in range(3)] == [False] * 3
        assert migrated.files.states() == {1}, "a running trial keeps its checkpoints"


def test_a_model_that_could_not_be_moved_is_moved_at_the_next_start(home: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    search = toy(str(tmp_path / "shared"))
    with open_study(search, TOY, home, "f") as study:
        migrated = migrate_storage(study, search, home)
        collector = CheckpointCollector(migrated, study.records())
        records = finish_one(study, search, migrated.files)
        (tmp_path / "shared").rename(tmp_path / "unmounted")
        messages = collector.close(records, hurry=True)
        assert len(messages) == 1
        assert "there is no such folder here" in messages[0]
        assert messages[0].endswith(": the next start does it")
        (tmp_path / "unmounted").rename(tmp_path / "shared")
        assert CheckpointCollector(migrated, records).close(records, hurry=True) == []
    assert model_path(folder(home, "toys"), 0).is_file()
    assert migrated.files.states() == set()


@pytest.mark.slow
def test_a_killed_search_resumes_in_an_object_store_is_killed_again_and_finishes(
    tracked_home: Path, store: S3Server
) -> None:
    home, storage = tracked_home, store.url("bucket/searches")
    own = folder(home, "toys")
    files = TrialFiles(FolderStore(own))
    drive(home, kill_after=" 4")  # an epoch after a rung
    late = next(trial.number for trial in trials(home) if trial.state == "WAITING" and len(trial.epochs) > 3)
    left = [trial.number for trial in trials(home) if trial.state == "WAITING" and len(trial.epochs) < 9]
    at_home = files.states() & set(left)  # without checkpoints of finished trials
    assert late in at_home
    printed = drive(home, kill_after=f"epoch {late} 5", storage=storage)
    moved = [int(line.split()[3]) for line in printed if line.startswith("message moved what")]
    assert len(moved) == 1
    assert len(at_home) <= moved[0] <= len(left), "a worker may save once more after its driver's death"
    assert not at_home & files.states(), "all checkpoints were moved"
    assert [line for line in printed if line.startswith(f"epoch {late} ")] == [f"epoch {late} 4", f"epoch {late} 5"]
    cut = trials(home)
    assert (cut[late].state, len(cut[late].epochs)) == ("WAITING", 5)
    printed = drive(home, storage=storage)
    check_trials_resumed_from_a_rung(cut, printed)

    finished = trials(home)
    assert [trial.number for trial in finished] == list(range(TRIALS))
    assert all(trial.is_final for trial in finished)
    for old in cut:
        assert finished[old.number].epochs[: len(old.epochs)] == old.epochs, "recorded epochs never change"
        assert not (old.is_final and any(line.startswith(f"epoch {old.number} ") for line in printed)), "it ran again"
    full = [trial.number for trial in finished if trial.state == "COMPLETE"]
    assert full
    assert [path.name for path in sorted((own / "models").iterdir())] == [f"trial-{number:05d}.pt" for number in full]
    where = store_at(storage).below(f"toys-{read_search(home, 'toys', TOY).study[:8]}")
    assert where.names("checkpoints") == where.names("models") == []
    check_mlflow(home, finished)
    secret = b"AWS_SECRET"
    assert not [path for path in home.rglob("*") if path.is_file() and secret in path.read_bytes()]


@pytest.mark.slow
def test_a_storage_that_becomes_read_only_ends_the_search_with_one_line_and_loses_nothing(
    tracked_home: Path, tmp_path: Path
) -> None:
    home, shared = tracked_home, tmp_path / "shared"
    shared.mkdir()
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount in a new namespace")
    script = 'mount --bind "$1" "$1" && exec "$2" "$3" "$4" 8 "$1"'
    driver = str(Path(__file__).parent.with_name("drive.py"))
    command = ["unshare", "-rm", "sh", "-c", script, "sh", str(shared), sys.executable, driver, str(home)]
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{Path(__file__).parents[1]}"}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("epoch") and line.endswith(" 4\n"):
            break
    enter = ["nsenter", "--preserve-credentials", "-U", "-m", "-t", str(process.pid)]
    remount = [*enter, "mount", "-o", "remount,ro,bind", str(shared)]
    wait_until(lambda: subprocess.run(remount, check=False).returncode == 0, "a moment without an open file", 20)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    last = errors.strip().splitlines()[-1]
    assert f"UnusableStoreError: storage must be readable and writable: {shared}" in last
    assert "is not (Read-only file system); make the folder writable on every machine, or name another; " in last
    assert last.endswith("resume the search, nothing recorded is lost")

    cut = trials(home)
    assert {trial.state for trial in cut} <= {"WAITING", "RUNNING", "PRUNED"}
    printed = drive(home, storage=str(shared))
    assert len(trials(home)) == TRIALS
    for trial in cut:
        if trial.state != "PRUNED" and len(trial.epochs) > 3:
            began = [int(line.split()[2]) for line in printed if line.startswith(f"epoch {trial.number} ")]
            assert began[0] == 4
    assert all(trial.is_final for trial in trials(home))
    assert list((folder(home, "toys") / "models").iterdir())
