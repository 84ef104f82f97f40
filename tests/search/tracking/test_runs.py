import json
import os
import socket
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.file import parse
from search.study.records import EpochRecord, TrialRecord
from search.study.states import StateName
from search.tracking.client import check_tracking, default_uri
from search.tracking.thread import Tracking
from tests.search.faulty_proxy import FaultyProxy

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow
SEARCH = parse(TOY_SEARCH, "toy", family=ToyFamily())
VALUES: dict[str, Value] = {"solver": "gradient", "lr": 0.1, "columns": 3, "pause": 0.0, "trouble": "none", "epochs": 9}
STARTED = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  (Optuna's are naive)


def record(number: int, state: StateName, losses: Sequence[float] = (), reason: str = "") -> TrialRecord:
    epochs = tuple(
        EpochRecord(EpochReport(epoch, {"loss": FoldValues((loss, loss + 1))}, 0.5), 1_700_000_000_000 + 1000 * epoch)
        for epoch, loss in enumerate(losses, start=1)
    )
    ended = STARTED if state in ("COMPLETE", "PRUNED", "FAIL") else None
    return TrialRecord(number, state, VALUES, epochs, STARTED, ended, reason)


@pytest.fixture
def store(tracked_home: Path) -> Path:
    return tracked_home


def track(home: Path, records: Sequence[TrialRecord], study: str = "id-1", uri: str = "") -> Tracking:
    search = SEARCH.model_copy(update={"tracking": SEARCH.tracking.model_copy(update={"uri": uri})})
    return Tracking(search, home, LOSS, {"study": study, "fingerprint": "f-1"}, records)


def client(home: Path, uri: str = "") -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or default_uri(home))


def runs(home: Path, uri: str = "") -> dict[str, Any]:
    mlflow = client(home, uri)
    experiment = mlflow.get_experiment_by_name("toy")
    listed = mlflow.search_runs([experiment.experiment_id])
    named = {run.info.run_name: run for run in listed}
    assert len(named) == len(listed), "duplicate runs"
    return named


def history(home: Path, run: Any, metric: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client(home).get_metric_history(run.info.run_id, metric)]


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


def test_what_a_broken_store_did_not_get_is_written_at_the_next_start(store: Path) -> None:
    tracking = track(store, [])
    tracking.put(record(0, "RUNNING", [4.0]))
    wait_for(lambda: (store / "mlflow.db").exists() and "toys/0" in runs(store))
    database = store / "mlflow.db"
    database.chmod(0o400)
    broken = store / "broken"
    database.rename(broken)
    database.write_bytes(b"this is no database" * 100)
    tracking.put(record(0, "COMPLETE", [4.0]))
    messages = tracking.close(None, finished=True, patience_s=20)
    assert len(messages) == 2, messages
    assert messages[0].startswith("MLflow cannot be written (")
    assert "written from the study when the search is next started" in messages[1]
    database.unlink()
    broken.chmod(0o600)
    broken.rename(database)
    assert track(store, [record(0, "COMPLETE", [4.0])]).close(None, finished=True) == []
    assert runs(store)["toys/0"].info.status == "FINISHED"
    assert history(store, runs(store)["toys/0"], "loss") == [(1, 4.5)]


@pytest.mark.slow
def test_the_next_start_completes_the_runs_of_a_killed_driver(store: Path) -> None:
    old, best, better = (record(n, "COMPLETE", losses) for n, losses in enumerate(([4.0], [3.0, 2.0], [1.0])))
    track(store, [old]).close(old, finished=True)
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{Path(__file__).parents[1]}"}
    command = [sys.executable, str(Path(__file__).parent.with_name("dying_tracker.py")), str(store)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=store)
    assert done.returncode == 0, done.stderr
    homes = list(store.parent.glob(f"{store.name}-*"))
    assert len(homes) > 12
    for home in homes:
        assert track(home, [old, best, better]).close(better, finished=True) == []
        named = runs(home)
        assert {run.info.status for run in named.values()} == {"FINISHED"}, home
        assert set(named) == {"toys", "toys/0", "toys/1", "toys/2"}
        for trial in (old, best, better):
            run = named[f"toys/{trial.number}"]
            assert history(home, run, "loss") == [(e.report.epoch, e.report.metrics["loss"].mean) for e in trial.epochs]
            assert run.data.metrics["loss"] == trial.epochs[-1].report.metrics["loss"].mean
            assert (run.data.tags["state"], run.data.tags["epochs"]) == (trial.state, str(len(trial.epochs)))
            assert len(run.data.params) == len(VALUES)
            assert ("winner" in run.data.tags) == (trial is better), home
        assert named["toys"].data.params == {"epochs": "9", "folds": "4"}


@pytest.mark.slow
def test_a_slow_store_is_waited_for(store: Path) -> None:
    track(store, []).close(None, finished=False)
    with sqlite3.connect(store / "mlflow.db") as database:
        database.execute(
            "CREATE TRIGGER slow AFTER INSERT ON runs BEGIN SELECT count(*) FROM "
            "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 2000000) SELECT x FROM c); END"
        )
    records = [record(number, "COMPLETE", [4.0]) for number in range(24)]
    began = time.monotonic()
    assert track(store, records).close(None, finished=True, patience_s=2.5) == []
    assert time.monotonic() - began > 2.5
    assert len(runs(store)) == 25


def wait_for(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if condition():
                return
        except Exception:  # noqa: BLE001, S110  (not ready yet)
            pass
        time.sleep(0.2)
    raise AssertionError("the condition was not met in time")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def server(store: Path) -> Generator[tuple[str, Callable[[], subprocess.Popen[bytes]]]]:
    port = free_port()
    started: list[subprocess.Popen[bytes]] = []

    def start() -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "mlflow",
            "server",
            "--host",
            "127.0.0.1",
            "--port",
            str(port),
            "--workers",
            "1",
        ]
        command += ["--backend-store-uri", default_uri(store), "--artifacts-destination", str(store / "served")]
        environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        started.append(process)
        wait_for(lambda: bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)))
        return process

    yield f"http://127.0.0.1:{port}", start
    for process in started:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, 9)
        process.wait()


@pytest.mark.slow
def test_a_run_whose_creation_was_not_answered_is_not_doubled(
    store: Path,
    server: tuple[str, Callable[[], subprocess.Popen[bytes]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("search.tracking.thread._RETRY_S", 0.5)
    uri, start = server
    start()
    handler: type[FaultyProxy] = type("Handler", (FaultyProxy,), {"uri": uri, "created": set()})
    records = [record(number, "COMPLETE", [4.0]) for number in range(3)]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as proxy:
        threading.Thread(target=proxy.serve_forever, daemon=True).start()
        tracking = track(store, records, uri=f"http://127.0.0.1:{proxy.server_port}")
        wait_for(lambda: {"toys", "toys/0", "toys/1", "toys/2"} <= handler.created)
        time.sleep(3)
        tracking.close(records[0], finished=True)
        assert tracking.ended
        proxy.shutdown()
    mlflow = client(store)
    names = [run.info.run_name for run in mlflow.search_runs([mlflow.get_experiment_by_name("toy").experiment_id])]
    assert sorted(names) == ["toys", "toys/0", "toys/1", "toys/2"]
    assert all(history(store, runs(store)[f"toys/{number}"], "loss") == [(1, 4.5)] for number in range(3))


@pytest.mark.slow
def test_results_are_written_after_a_server_restart(
    store: Path,
    server: tuple[str, Callable[[], subprocess.Popen[bytes]]],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("search.tracking.thread._RETRY_S", 0.5)
    uri, start = server
    process = start()
    check_tracking(uri)
    tracking = track(store, [], uri=uri)
    tracking.put(record(0, "RUNNING", [5.0]))
    wait_for(lambda: "toys/0" in runs(store))
    stop(process)
    tracking.put(record(0, "COMPLETE", [5.0, 4.0]))
    tracking.put(record(1, "RUNNING", [6.0]))
    messages: list[str] = []
    wait_for(lambda: bool(messages.extend(tracking.messages()) or messages))
    assert "the search continues and writes to MLflow later" in messages[0]
    process = start()
    wait_for(lambda: runs(store)["toys/0"].info.status == "FINISHED")
    wait_for(lambda: bool(messages.extend(tracking.messages()) or len(messages) == 2))
    assert messages[1] == "MLflow can be written again"
    stop(process)
    last = record(1, "COMPLETE", [6.0, 3.0])
    tracking.put(last)
    lost = tracking.close(last, finished=True)
    assert "written from the study when the search is next started" in lost[-1]
    start()
    records = [record(0, "COMPLETE", [5.0, 4.0]), last]
    assert track(store, records, uri=uri).close(last, finished=True) == []
    named = runs(store)
    assert {run.info.status for run in named.values()} == {"FINISHED"}
    assert history(store, named["toys/1"], "loss") == [(1, 6.5), (2, 3.5)]
    mlflow = client(store, uri)
    assert [file.path for file in mlflow.list_artifacts(runs(store)["toys"].info.run_id)] == ["search.toml"]
    assert capfd.readouterr().out == ""
