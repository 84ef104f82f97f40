"""What MLflow has of a search and its trials."""

import json
from pathlib import Path

import pytest

from tests.search.tracking.tracked import SEARCH, VALUES, client, history, record, runs, track

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow


def test_trials_are_child_runs_of_the_search(store: Path) -> None:
    tracking = track(store, [])
    tracking.put(record(0, "RUNNING"))
    tracking.put(record(1, "COMPLETE", [3.0, 2.0]))
    tracking.put(record(0, "PRUNED", [4.0]))
    tracking.put(record(2, "FAIL", [], "it diverged"))
    tracking.put(record(3, "WAITING", [5.0]))
    assert tracking.close(record(1, "COMPLETE", [3.0, 2.0]), finished=True) == []
    named = runs(store)
    parent = named["toys"]
    assert set(named) == {"toys", "toys/0", "toys/1", "toys/2", "toys/3"}
    assert {run.data.tags.get("mlflow.parentRunId") for name, run in named.items() if name != "toys"} == {
        parent.info.run_id
    }
    assert [named[f"toys/{n}"].info.status for n in range(4)] == ["FINISHED", "FINISHED", "FAILED", "KILLED"]
    assert parent.info.status == "FINISHED"
    winner = named["toys/1"]
    assert winner.data.params == {name: str(value) for name, value in VALUES.items()}
    tags = {key: value for key, value in winner.data.tags.items() if not key.startswith("mlflow.")}
    assert tags == {
        "search": "toys",
        "family": "toy",
        "corpus": "oneills",
        "repeats": "written",
        "fingerprint": "f-1",
        "study": "id-1",
        "space_hash": SEARCH.space.hash,
        "code_version": tags["code_version"],
        "trial": "1",
        "state": "COMPLETE",
        "epochs": "2",
        "winner": "yes",
    }
    assert named["toys/2"].data.tags["reason"] == "it diverged"
    assert winner.data.metrics == {
        "loss": 2.5,
        "loss_se": 0.5,
        "loss/fold0": 2.0,
        "loss/fold1": 3.0,
        "epoch_seconds": 0.5,
    }
    assert history(store, winner, "loss") == [(1, 3.5), (2, 2.5)]
    assert parent.data.tags["winner"] == "toys/1"
    assert parent.data.metrics["best_loss"] == 2.5


def test_the_winner_has_its_picture_and_hyperparameters_and_nothing_is_pickled(store: Path) -> None:
    tracking = track(store, [record(1, "COMPLETE", [3.0, 2.0])])
    tracking.close(record(1, "COMPLETE", [3.0, 2.0]), finished=True)
    folder = Path(runs(store)["toys/1"].info.artifact_uri.removeprefix("file://"))
    assert folder.is_relative_to(store / "mlartifacts" / "toy")
    assert sorted(path.name for path in folder.iterdir()) == ["learning_curve.png", "spec.json"]
    assert json.loads((folder / "spec.json").read_text())["lr"] == 0.1
    assert (folder / "learning_curve.png").read_bytes()[:4] == b"\x89PNG"


def test_writing_again_adds_only_what_is_missing(store: Path) -> None:
    first = [record(0, "PRUNED", [4.0]), record(1, "RUNNING", [3.0])]
    track(store, first).close(None, finished=False)
    assert runs(store)["toys"].info.status == "KILLED"
    assert runs(store)["toys/1"].info.status == "RUNNING"
    for _ in range(2):
        more = [record(0, "PRUNED", [4.0]), record(1, "COMPLETE", [3.0, 2.0, 1.0]), record(2, "PRUNED", [9.0])]
        track(store, more).close(None, finished=True)
    named = runs(store)
    assert set(named) == {"toys", "toys/0", "toys/1", "toys/2"}
    assert {run.info.status for run in named.values()} == {"FINISHED"}
    assert history(store, named["toys/1"], "loss") == [(1, 3.5), (2, 2.5), (3, 1.5)]


def test_the_run_of_a_resumed_trial_is_running_again(store: Path) -> None:
    track(store, [record(0, "WAITING", [4.0])]).close(None, finished=False)
    assert runs(store)["toys/0"].info.status == "KILLED"
    tracking = track(store, [record(0, "WAITING", [4.0])])
    tracking.put(record(0, "RUNNING", [4.0]))
    tracking.close(None, finished=False)
    assert runs(store)["toys/0"].info.status == "RUNNING"
    assert runs(store)["toys/0"].info.end_time is None or runs(store)["toys/0"].data.tags["state"] == "RUNNING"


def test_only_the_newest_winner_has_the_tag(store: Path) -> None:
    first, second = record(0, "COMPLETE", [4.0]), record(1, "COMPLETE", [3.0])
    track(store, [first]).close(first, finished=True)
    track(store, [first, second]).close(second, finished=True)
    named = runs(store)
    assert ["winner" in named[f"toys/{n}"].data.tags for n in range(2)] == [False, True]
    assert named["toys"].data.tags["winner"] == "toys/1"


def test_another_search_of_the_same_name_has_its_own_runs(store: Path) -> None:
    track(store, [record(0, "COMPLETE", [4.0])], study="id-1").close(None, finished=True)
    track(store, [record(0, "COMPLETE", [4.0])], study="id-2").close(None, finished=True)
    mlflow = client(store)
    experiment = mlflow.get_experiment_by_name("toy").experiment_id
    assert len(mlflow.search_runs([experiment])) == 4


def test_every_run_has_the_corpus_as_a_dataset_and_every_finished_trial_a_description(store: Path) -> None:
    records = [
        record(0, "COMPLETE", [3.0, 2.0]),
        record(1, "FAIL", [], "it diverged\nat epoch 1"),
        record(2, "RUNNING"),
    ]
    for _ in range(2):
        track(store, records).close(records[0], finished=False)
    named = runs(store)
    for run in named.values():
        (logged,) = run.inputs.dataset_inputs
        assert (logged.dataset.name, logged.dataset.digest) == ("oneills", "f-1")
        assert json.loads(logged.dataset.source)["corpus"] == "oneills"
        assert json.loads(logged.dataset.profile) == {"num_rows": 900, "num_elements": 90000, "folds": "4 folds"}
    notes = {name: run.data.tags.get("mlflow.note.content") for name, run in named.items()}
    assert notes["toys/0"] == "done after 2 epochs: 2.500 ± 0.500 squares; columns 3"
    assert notes["toys/1"].startswith("failed after 0 epochs (it diverged at epoch 1); ")
    assert notes["toys/2"] is None
    assert notes["toys"] == "Best trial: **toys/0**, loss 2.500 ± 0.500 squares."
