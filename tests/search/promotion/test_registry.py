"""The registry on real stores: versions, the champion and rollback, lineage, and errors."""

import json
import shutil
import sqlite3
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from models.family import EpochReport
from models.metrics import FoldValues
from search.promotion.registration import Registration
from search.promotion.registry import Registry
from search.promotion.versions import Reference, parse_reference
from search.spec.file import parse
from search.study.records import EpochRecord, TrialRecord
from search.tracking.client import default_uri
from search.tracking.runs import RunWriter
from tests.mlflow_server import MlflowServer
from tests.models import trained_stylenets
from tests.ray_cluster import free_port
from tests.search.tracking.tracked import STARTED, VALUES

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow

TAGS = {
    "search": "toys",
    "trial": "1",
    "study": "id-1",
    "corpus": "a folder",
    "fingerprint": "f-1",
    "code_version": "0.1.0",
    "test_mean": "9.5",
    "test_se": "0.25",
    "unit": "velocity steps",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_stylenets.trained(tmp_path_factory.mktemp("trained") / "model.pt")


@pytest.fixture
def server(tracked_home: Path) -> Generator[MlflowServer]:
    started = MlflowServer(default_uri(tracked_home), tracked_home)
    yield started
    started.stop()


@pytest.fixture
def registry(tracked_home: Path) -> Registry:
    return Registry(default_uri(tracked_home), tracked_home)


def registration(model: Path, **tags: str) -> Registration:
    return Registration("stylenet", model, "# A card\n\nIt plays.", {"test": {"mean": 9.5}}, {**TAGS, **tags})


def client(home: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=default_uri(home), registry_uri=default_uri(home))


def written(home: Path, trials: Sequence[int]) -> RunWriter:
    """Write a search of the family stylenet with these trials to MLflow; return its writer."""
    search = parse(TOY_SEARCH, "toy", family=ToyFamily()).model_copy(update={"family": "stylenet"})
    writer = RunWriter(search, home, default_uri(home), LOSS, {"study": "id-1", "fingerprint": "f-1"}, {})
    epochs = (EpochRecord(EpochReport(1, {"loss": FoldValues((1.0, 2.0))}, 0.5), 1_700_000_000_000),)
    for number in trials:
        writer.write(TrialRecord(number, "COMPLETE", VALUES, epochs, STARTED, STARTED, ""))
    return writer


def test_listing_an_empty_registry_creates_no_store(home: Path) -> None:
    home.mkdir()
    registry = Registry(default_uri(home), home)
    assert registry.versions() == []
    assert registry.champion("stylenet") is None
    assert list(home.iterdir()) == []


def test_a_registered_version_has_its_tags_files_and_evidence_and_no_alias(
    registry: Registry, model: Path, tracked_home: Path, tmp_path: Path
) -> None:
    version = registry.register(registration(model))
    assert (version.reference, version.aliases, version.source) == ("stylenet@1", (), "toys/1")
    assert TAGS.items() <= version.tags.items()
    assert (version.test_mean, version.test_se, version.unit) == (9.5, 0.25, "velocity steps")
    assert (version.corpus, version.fingerprint, version.code_version) == ("a folder", "f-1", "0.1.0")
    assert version.size_bytes == model.stat().st_size
    assert version.card == "# A card\n\nIt plays."
    assert registry.evidence(version) == {"test": {"mean": 9.5}}
    files = {file.path for file in client(tracked_home).list_artifacts(version.run_id)}
    assert files == {"model_card.md", "evidence.json"}
    assert registry.model_file(version).read_bytes() == model.read_bytes()
    assert registry.champion("stylenet") is None
    folder = registry.export(version, tmp_path / "out")
    assert (folder / "artifacts" / "model.pt").read_bytes() == model.read_bytes()
    assert json.loads((folder / "evidence.json").read_text()) == {"test": {"mean": 9.5}}
    assert (folder / "MODEL_CARD.md").read_text() == version.card
    assert (folder / "requirements.txt").read_text().split()[0].startswith("mlflow==")


def test_the_champion_and_rollback(registry: Registry, model: Path) -> None:
    for _ in range(3):
        registry.register(registration(model))
    assert [version.version for version in registry.versions("stylenet")] == [3, 2, 1]
    first = registry.set_champion("stylenet", 1, "there was no champion")
    assert first.is_champion
    registry.set_champion("stylenet", 3, "by force: it sings")
    champion = registry.champion("stylenet")
    assert champion is not None
    assert (champion.version, champion.tags["champion_why"]) == (3, "by force: it sings")
    registry.set_champion("stylenet", 2, "better")
    assert [version.version for version in registry.rollback("stylenet")] == [2, 3]
    old, new = registry.rollback("stylenet")
    assert (old.version, new.version, old.is_champion, new.is_champion) == (3, 1, False, True)
    with pytest.raises(BadInputError, match="stylenet@1 is the first champion of its family"):
        registry.rollback("stylenet")
    assert len(registry.versions()) == 3


def test_changes_made_in_mlflow_are_part_of_the_history(registry: Registry, model: Path, tracked_home: Path) -> None:
    for _ in range(3):
        registry.register(registration(model))
    registry.set_champion("stylenet", 1, "first")
    registry.set_champion("stylenet", 2, "second")
    by_hand = client(tracked_home)
    by_hand.set_registered_model_alias("tunesmith-stylenet", "champion", "3")
    by_hand.delete_model_version("tunesmith-stylenet", "2")
    assert [version.version for version in registry.rollback("stylenet")] == [3, 1]
    by_hand.delete_registered_model_alias("tunesmith-stylenet", "champion")
    with pytest.raises(BadInputError, match="no stylenet is the champion, though stylenet@3 is registered"):
        registry.rollback("stylenet")


def test_lineage_is_stored_in_both_directions(tracked_home: Path, registry: Registry, model: Path) -> None:
    written(tracked_home, [0, 1]).end(None, finished=True)
    version = registry.register(registration(model))
    mlflow = client(tracked_home)
    runs = {
        run.info.run_name: run for run in mlflow.search_runs([mlflow.get_experiment_by_name("stylenet").experiment_id])
    }
    assert set(runs) == {"toys", "toys/0", "toys/1", "toys/1 promoted"}
    promotion = runs["toys/1 promoted"]
    assert promotion.info.run_id == version.run_id
    assert promotion.info.status == "FINISHED"
    assert promotion.data.tags["mlflow.parentRunId"] == runs["toys"].info.run_id
    assert version.tags["trial_run"] == runs["toys/1"].info.run_id
    assert [run.data.tags.get("registered") for run in (runs["toys/0"], runs["toys/1"], promotion)] == [
        None,
        "tunesmith-stylenet/1",
        "tunesmith-stylenet/1",
    ]


def test_a_resumed_search_does_not_change_promotions(tracked_home: Path, registry: Registry, model: Path) -> None:
    written(tracked_home, [0, 1]).end(None, finished=True)
    version = registry.register(registration(model))
    before = client(tracked_home).get_run(version.run_id)
    written(tracked_home, [0, 1, 2]).end(None, finished=True)
    mlflow = client(tracked_home)
    names = [run.info.run_name for run in mlflow.search_runs([before.info.experiment_id])]
    assert sorted(names) == ["toys", "toys/0", "toys/1", "toys/1 promoted", "toys/2"]
    after = mlflow.get_run(version.run_id)
    assert (after.data.tags, after.data.metrics, after.info.status) == (
        before.data.tags,
        before.data.metrics,
        before.info.status,
    )


@pytest.mark.parametrize("step", ["log_model_artifacts", "create_model_version", "set_tag"])
def test_a_failed_registration_is_undone(
    registry: Registry, model: Path, tracked_home: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    def fail(*_: Any, **__: Any) -> None:
        raise MlflowException("the disk is full\nat length")

    with monkeypatch.context() as patched:
        patched.setattr(MlflowClient, step, fail)
        with pytest.raises(
            BadInputError, match=r"the model registry must be usable: .*mlflow.db is not \(the disk is full\)"
        ):
            registry.register(registration(model))
    mlflow = client(tracked_home)
    assert registry.versions() == []
    assert list(mlflow.search_registered_models()) == []
    experiment = mlflow.get_experiment_by_name("stylenet").experiment_id
    (run,) = mlflow.search_runs([experiment])
    assert run.info.status == "FAILED"
    assert list(mlflow.search_logged_models([experiment])) == []
    assert registry.register(registration(model)).version == 1


def test_the_run_of_a_killed_promotion_is_marked_as_failed_by_the_next(
    registry: Registry, model: Path, tracked_home: Path
) -> None:
    version = registry.register(registration(model))
    mlflow = client(tracked_home)
    experiment = mlflow.get_run(version.run_id).info.experiment_id
    left = mlflow.create_run(experiment, tags={**TAGS, "kind": "promotion"}).info.run_id
    registry.register(registration(model))
    assert mlflow.get_run(left).info.status == "FAILED"
    assert mlflow.get_run(version.run_id).info.status == "FINISHED"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stylnet", "no model family is called 'stylnet'; did you mean 'stylenet'?"),
        ("stylenet@champoin", "no version is called 'champoin' .*; did you mean 'champion'?"),
        ("stylenet@9", "no version is called 'stylenet@9'; did you mean 'stylenet@1'?"),
        ("stylenet@-1", "no version is called '-1'"),
        ("stylenet@", "no version is called ''"),
        ("stylenet@" + "9" * 5000, r"no version is called .9+\.\.\. \(5,002 characters\)"),
        ("stylenet", "no stylenet is the champion, though stylenet@1 is registered"),
        ("composer@1", "no composer is registered yet: there is no composer@1; promote"),
        ("composer@champion", "no composer is registered yet: there is no composer@champion; promote"),
    ],
    ids=range(9),
)
def test_references_to_missing_versions_are_refused(registry: Registry, model: Path, text: str, message: str) -> None:
    registry.register(registration(model))
    with pytest.raises(BadInputError, match=message) as caught:
        registry.version(parse_reference(text))
    assert "\n" not in str(caught.value)


def test_references_round_trip() -> None:
    assert parse_reference("composer") == parse_reference("composer@champion") == Reference("composer", None)
    for text in ("composer@champion", "stylenet@12"):
        assert str(parse_reference(text)) == text


def test_changed_and_missing_weights_are_refused(registry: Registry, model: Path, tmp_path: Path) -> None:
    version = registry.register(registration(model))
    path = registry.model_file(version)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(BadInputError, match="must be those that were registered: those of stylenet@1 have changed"):
        registry.model_file(version)
    with pytest.raises(BadInputError, match="must be those that were registered"):
        registry.export(version, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    path.unlink()
    with pytest.raises(BadInputError, match="weights must exist: those of stylenet@1 do not"):
        registry.model_file(version)


def test_exporting_to_a_file_or_a_folder_that_is_not_empty_is_refused(
    registry: Registry, model: Path, tmp_path: Path
) -> None:
    version = registry.register(registration(model))
    (tmp_path / "file").write_text("here")
    with pytest.raises(BadInputError, match="into an empty folder"):
        registry.export(version, tmp_path)
    with pytest.raises(BadInputError, match="into a folder"):
        registry.export(version, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "here"


def test_a_missing_or_broken_registry_is_reported_in_one_line(home: Path, model: Path, tracked_home: Path) -> None:
    gone = Registry(f"http://127.0.0.1:{free_port()}", home)
    for act in (gone.versions, lambda: gone.register(registration(model)), lambda: gone.rollback("stylenet")):
        with pytest.raises(BadInputError, match="the tracking server must answer") as caught:
            act()
        assert "\n" not in str(caught.value)
    with sqlite3.connect(tracked_home / "mlflow.db") as database:
        database.execute("DROP TABLE registered_models")
    with pytest.raises(BadInputError, match="the model registry must be usable") as caught:
        Registry(default_uri(tracked_home), tracked_home).versions()
    assert "\n" not in str(caught.value)


def test_models_of_other_programs_are_ignored(registry: Registry, model: Path, tracked_home: Path) -> None:
    mlflow = client(tracked_home)
    mlflow.create_registered_model("somebody's")
    registry.register(registration(model))
    assert [version.reference for version in registry.versions()] == ["stylenet@1"]
    mlflow.create_model_version("tunesmith-stylenet", "somewhere")
    by_hand, _ = registry.versions("stylenet")
    assert (by_hand.reference, by_hand.source, by_hand.size_bytes) == ("stylenet@2", "registered by hand", 0)
    with pytest.raises(BadInputError, match="only a promoted version has evidence: stylenet@2"):
        registry.evidence(by_hand)
    shutil.rmtree(tracked_home / "mlartifacts")
    with pytest.raises(BadInputError, match="the model registry must be usable"):
        registry.evidence(registry.version(Reference("stylenet", 1)))


@pytest.mark.parametrize("text", ["{", "7", "\0" * 9, "[" * 100_000], ids=["cut", "a number", "zeros", "deep"])
def test_the_error_for_damaged_evidence_has_its_run_and_the_remedy(
    registry: Registry, model: Path, tracked_home: Path, text: str
) -> None:
    version = registry.register(registration(model))
    [path] = tracked_home.rglob(f"{version.run_id}/artifacts/evidence.json")
    path.write_text(text)
    with pytest.raises(BadInputError, match=rf"that of stylenet@1 is damaged .*{version.run_id}: .*; use ") as caught:
        registry.evidence(version)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_model_on_a_server_is_downloaded_once(server: MlflowServer, model: Path, tmp_path: Path) -> None:
    registry = Registry(server.uri, tmp_path)
    version = registry.register(registration(model))
    registry.register(registration(model))
    registry.set_champion("stylenet", 1, "first")
    registry.set_champion("stylenet", 2, "second")
    assert registry.rollback("stylenet")[1].version == 1
    assert registry.evidence(version) == {"test": {"mean": 9.5}}
    path = registry.model_file(version)
    assert path.is_relative_to(tmp_path / "registered")
    assert path.read_bytes() == model.read_bytes()
    written = path.stat().st_mtime_ns
    assert registry.model_file(version).stat().st_mtime_ns == written
    path.write_bytes(b"changed")
    assert registry.model_file(version).read_bytes() == model.read_bytes()
    assert (registry.export(version, tmp_path / "out") / "artifacts" / "model.pt").read_bytes() == model.read_bytes()


def test_mlflow_loads_the_champion_by_its_alias(
    registry: Registry, model: Path, tracked_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow.pyfunc
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

    version = registry.register(registration(model))
    registry.set_champion("stylenet", version.version, "first")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", default_uri(tracked_home))
    loaded: Any = mlflow.pyfunc.load_model("models:/tunesmith-stylenet@champion")
    played = loaded.predict(pd.DataFrame([{"pitch": [60, 64], "onset": [0.0, 1.0], "duration": [1.0, 1.0]}]))
    assert [len(row) for row in played["velocity"]] == [2]
