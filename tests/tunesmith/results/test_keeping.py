"""What MLflow has of a search in the end: its description, its trials and the winner's music; and servers that fail."""

import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from data_prep.prepared.corpus import Prepared
from data_prep.progress import Silent
from models.families import family as find_family
from models.stylenet.family import StyleNet
from search.driver.search_run import SearchResult
from search.spec.file import SearchSpec
from search.spec.sections import TrackingPlace
from search.study.database import read_search
from search.study.records import SearchRecord
from search.tracking.client import default_uri, read_artifact
from search.tracking.past_runs import rename_runs
from tests.mlflow_server import MlflowServer
from tests.models.trained_stylenets import DATA, trained
from tests.tunesmith.conftest import Place
from tunesmith.results.keeping import REPORT, keep_result
from tunesmith.results.music import write_music
from tunesmith.running.whole_search import WholeRun
from tunesmith.searching.data import prepare_data

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("searched"),
    pytest.mark.filterwarnings("ignore"),  # warnings of MLflow
]
NOTE = "mlflow.note.content"


@pytest.fixture
def prepared(searched: Place, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """The data of the search "tiny"."""
    monkeypatch.setenv("TUNESMITH_CACHE", str(searched.folder / "cache"))
    monkeypatch.chdir(searched.folder)
    return prepare_data(read_search(searched.folder / "runs", "tiny").spec.data, "melodies", Silent())


def runs(uri: str) -> dict[str, Any]:
    """Return the runs of the search by what they are: "search" or the trial's number, and "winner"."""
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("composer")
    assert experiment is not None
    listed: list[Any] = list(client.search_runs([experiment.experiment_id]))
    named = {run.data.tags.get("kind", run.data.tags.get("trial")): run for run in listed}
    return {**named, "winner": next(run for run in listed if run.data.tags.get("winner") == "yes")}


def ended(record: SearchRecord, spec: SearchSpec | None = None, *, ran: bool = True) -> WholeRun:
    """Return the run of a search that has just ended, or found nothing to do."""
    result = SearchResult("trials", record.trials, 0, ran, 1.0, (), record.spec.budget)
    return WholeRun(spec or record.spec, find_family(record.spec.family), result, (), "", interrupted=False)


def test_the_run_of_a_search_has_its_result_and_the_winners_run_has_music(searched: Place) -> None:
    uri = default_uri(searched.folder / "runs")
    named = runs(uri)
    client: Any = MlflowClient(uri)
    note = named["search"].data.tags[NOTE]
    number = named["winner"].data.tags["trial"]
    assert note.startswith(f"Best trial: **tiny/{number}**, nats_per_note ")
    assert "| Kneser-Ney trigram + copy | " in note
    assert f"compose --trial tiny/{number} " in note
    report = (searched.folder / "runs" / "searches" / "tiny" / REPORT).read_bytes()
    assert read_artifact(client, named["search"].info.run_id, REPORT) == report
    assert report.count(b"data-music=") == 2
    table = searched.run("trials", "tiny", "--csv", "--home", "runs").stdout
    assert read_artifact(client, named["search"].info.run_id, "trials.csv").decode() == table
    music = {f"music/tune-{n}.{suffix}" for n in (1, 2) for suffix in ("mid", "svg", "wav")}
    assert {file.path for file in client.list_artifacts(named["winner"].info.run_id, "music")} == music
    contents = {name: read_artifact(client, named["winner"].info.run_id, name)[:4] for name in music}
    assert {contents[name] for name in music if name.endswith("mid")} == {b"MThd"}
    assert {contents[name] for name in music if name.endswith("wav")} == {b"RIFF"}
    (logged,) = named["search"].inputs.dataset_inputs
    record = read_search(searched.folder / "runs", "tiny")
    assert (logged.dataset.name, logged.dataset.digest) == ("tunes", record.fingerprint)


def test_a_start_that_finds_nothing_to_do_writes_only_what_is_missing(
    searched: Place, prepared: Prepared, tmp_path: Path
) -> None:
    home = tmp_path / "runs"
    shutil.copytree(searched.folder / "runs", home)
    path = home / "searches" / "tiny" / REPORT
    path.write_text("mine")
    done = ended(read_search(home, "tiny"), ran=False)
    assert keep_result(done, prepared, home) == path
    assert path.read_text() == "mine"
    path.unlink()
    assert keep_result(done, prepared, home) == path
    assert "data-music=" in path.read_text(encoding="utf-8")


@pytest.fixture
def server(searched: Place, tmp_path: Path) -> Generator[MlflowServer]:
    """A server with a copy of the search's store."""
    shutil.copytree(searched.folder / "runs", tmp_path / "runs")
    started = MlflowServer(default_uri(tmp_path / "runs"), tmp_path / "runs")
    yield started
    started.stop()


def test_a_server_that_is_down_at_the_end_is_one_warning_and_the_next_start_writes_the_result(
    server: MlflowServer, prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "runs"
    run_id = runs(server.uri)["search"].info.run_id
    MlflowClient(server.uri).set_tag(run_id, NOTE, "")
    record = read_search(home, "tiny")
    spec = record.spec.model_copy(update={"tracking": TrackingPlace(uri=server.uri)})
    server.stop()
    keep_result(ended(record, spec), prepared, home)
    (warning,) = capsys.readouterr().err.strip().split("\n")
    assert warning.startswith("warning: MLflow does not have the result (the tracking server must answer")
    assert warning.endswith("search tiny")
    server.start()
    keep_result(ended(record, spec), prepared, home)
    assert capsys.readouterr().err == ""
    assert runs(server.uri)["search"].data.tags[NOTE].startswith("Best trial: **tiny/")


def test_music_that_cannot_be_made_is_one_warning(
    searched: Place, prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "runs"
    shutil.copytree(searched.folder / "runs", home)
    record, client = read_search(home, "tiny"), MlflowClient(default_uri(home))
    winner = runs(default_uri(home))["winner"]
    other = next(run for run in runs(default_uri(home)).values() if run.info.run_id != winner.info.run_id)
    client.delete_tag(winner.info.run_id, "winner")
    client.set_tag(other.info.run_id, "winner", "yes")
    for model in (home / "searches" / "tiny" / "models").iterdir():
        model.write_bytes(b"damaged")
    keep_result(ended(record), prepared, home)
    (warning,) = capsys.readouterr().err.strip().split("\n")
    assert warning.startswith("warning: tiny: no music by the winner (")
    assert "data-music=" not in (home / "searches" / "tiny" / REPORT).read_text(encoding="utf-8")


def test_the_description_follows_a_new_name(searched: Place, tmp_path: Path) -> None:
    home = tmp_path / "runs"
    shutil.copytree(searched.folder / "runs", home)
    record = read_search(home, "tiny")
    before = runs(default_uri(home))["search"].data.tags[NOTE]
    rename_runs(default_uri(home), "composer", record.study, "tiny", "small")
    after = runs(default_uri(home))["search"].data.tags[NOTE]
    assert after.startswith("Best trial: **small/")
    assert "promote small" in after
    assert after.count("small") == before.count("tiny")
    assert "tiny" not in after


def test_a_stylenet_performs_a_piece_of_each_style(tmp_path: Path) -> None:
    write_music(StyleNet().examples(trained(tmp_path / "model.pt"), DATA), "stylenet/3", tmp_path)
    versions = [f"-{name}.{suffix}" for name in ("flat", "by-the-model", "as-played") for suffix in ("mid", "wav")]
    names = {f"performance-{n}{end}" for n, _ in enumerate(DATA.styles, 1) for end in (*versions, ".png")}
    assert {path.name for path in tmp_path.iterdir()} == {*names, "model.pt"}
    midi = (tmp_path / "performance-1-by-the-model.mid").read_bytes()
    from models.uses.performing import played

    assert len(set(played(midi).velocity.tolist())) > 1
