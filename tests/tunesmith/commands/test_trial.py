"""``tunesmith trial``: its run in MLflow, and models that are kept, used and shown."""

import json
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from search.tracking.client import default_uri
from tests.mlflow_tables import lay_tables
from tests.ray_cluster import free_port
from tests.tunesmith.conftest import TINY, Place
from tunesmith.cli import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("searched"),
    pytest.mark.filterwarnings("ignore"),  # warnings of MLflow
]
SMALL = ["trial", "composer", "--corpus", "tunes", "--set", "epochs=2", *TINY]


@pytest.fixture
def home(searched: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; the current folder has a small corpus."""
    monkeypatch.setenv("TUNESMITH_CACHE", str(searched.folder / "cache"))
    monkeypatch.chdir(searched.folder)
    lay_tables(tmp_path / "runs")
    return tmp_path / "runs"


def runs(home: Path) -> list[Any]:
    client = MlflowClient(default_uri(home))
    experiment = client.get_experiment_by_name("composer")
    return [] if experiment is None else list(client.search_runs([experiment.experiment_id]))


def test_a_trial_is_a_run_of_its_kind_with_every_epoch(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--home", str(home), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    (only,) = runs(home)
    tags = only.data.tags
    assert (only.info.run_name, only.info.status) == ("composer alone", "FINISHED")
    assert (tags["kind"], tags["state"], tags["epochs"]) == ("trial alone", "COMPLETE", "2")
    assert not {"study", "search", "trial"} & set(tags)
    history = MlflowClient(default_uri(home)).get_metric_history(only.info.run_id, "nats_per_note")
    means = [epoch["metrics"]["nats_per_note"]["mean"] for epoch in printed["epochs"]]
    assert [(point.step, point.value) for point in history] == list(enumerate(means, 1))
    assert only.data.params["size"] == "8"
    assert tags["mlflow.note.content"].endswith("nats per note after 2 of 2 epochs")
    (logged,) = only.inputs.dataset_inputs
    assert (logged.dataset.name, logged.dataset.digest) == ("tunes", tags["fingerprint"])
    assert not (home / "kept").exists()


def test_a_kept_model_is_used_and_shown_by_its_name(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_home = ["--home", str(home)]
    assert run([*SMALL, "--no-track", "--keep", "mine", *at_home]) == 0
    assert "compose --model kept/mine --count 4" in capsys.readouterr().out
    assert runs(home) == []
    assert sorted(path.name for path in (home / "kept").iterdir()) == ["mine.json", "mine.pt"]
    for option in ("--model", "--trial"):
        out = tmp_path / option
        assert run(["compose", option, "kept/mine", "--formats", "abc", "--out", str(out), "--json", *at_home]) == 0
        assert [tune["name"] for tune in json.loads(capsys.readouterr().out)["tunes"]] == ["mine-seed1-01"]
        report = (out / "mine-seed1-report.md").read_text()
        assert "tunes" in report, "it is compared with its training corpus"
    assert run(["show", "kept/mine", *at_home]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("kept/mine  composer on tunes, 4 folds, 2 epochs")
    assert run(["show", "kept/mine", "--json", *at_home]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["spec"]["size"], len(report["epochs"]), report["data"]["corpus"]) == (8, 2, "tunes")
    assert run(["show", "kept/mine", "--pictures", str(tmp_path / "pictures"), *at_home]) == 0
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["learning_curve.png"]
    assert run(["show", "kept/other", *at_home]) == 2
    assert run([*SMALL, "--keep", "mine", *at_home]) == 2
    assert "a kept model's name must be new" in capsys.readouterr().err
    for damaged in ("{}", "[]", "no JSON"):
        (home / "kept" / "mine.json").write_text(damaged)
        for command in (["show"], ["compose", "--out", str(out), "--model"]):
            assert run([*command, "kept/mine", *at_home]) == 2
            assert "the report of a kept model must be complete" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_one_warning(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    uri = f"http://127.0.0.1:{free_port()}"
    assert run([*SMALL, "--tracking", uri, "--home", str(home)]) == 0
    printed = capsys.readouterr()
    (warning,) = (line for line in printed.err.split("\n") if "warning" in line)
    assert warning.startswith("warning: MLflow cannot be written (the tracking server must answer")
    assert "nats_per_note" in printed.out
    assert runs(home) == []


def test_a_trial_that_fails_is_a_failed_run_and_nothing_is_kept(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*SMALL, "--set", "conditioning=upper_voices", "--home", str(home), "--keep", "mine"]) == 2
    assert "error: " in capsys.readouterr().err
    (only,) = runs(home)
    assert (only.info.run_name, only.info.status, only.data.tags["state"]) == ("mine", "FAILED", "FAIL")
    assert only.data.tags["mlflow.note.content"].startswith("no epoch finished; ")
    assert list((home / "kept").iterdir()) == []
