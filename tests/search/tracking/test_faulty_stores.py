"""Stores and servers of MLflow that fail, are slow, or are killed, and drivers that are killed while they write."""

import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from search.tracking.client import check_tracking, default_uri
from tests.mlflow_server import MlflowServer
from tests.search.faulty_proxy import FaultyProxy
from tests.search.tracking.tracked import VALUES, client, history, record, runs, track, wait_for

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow


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


@pytest.fixture
def server(store: Path) -> Generator[MlflowServer]:
    started = MlflowServer(default_uri(store), store)
    yield started
    started.stop()


@pytest.mark.slow
def test_a_run_whose_creation_was_not_answered_is_not_doubled(
    store: Path,
    server: MlflowServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("search.tracking.thread._RETRY_S", 0.5)
    handler: type[FaultyProxy] = type("Handler", (FaultyProxy,), {"uri": server.uri, "created": set()})
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
    server: MlflowServer,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("search.tracking.thread._RETRY_S", 0.5)
    check_tracking(server.uri)
    tracking = track(store, [], uri=server.uri)
    tracking.put(record(0, "RUNNING", [5.0]))
    wait_for(lambda: "toys/0" in runs(store))
    server.stop()
    tracking.put(record(0, "COMPLETE", [5.0, 4.0]))
    tracking.put(record(1, "RUNNING", [6.0]))
    messages: list[str] = []
    wait_for(lambda: bool(messages.extend(tracking.messages()) or messages))
    assert "the search continues and writes to MLflow later" in messages[0]
    server.start()
    wait_for(lambda: runs(store)["toys/0"].info.status == "FINISHED")
    wait_for(lambda: bool(messages.extend(tracking.messages()) or len(messages) == 2))
    assert messages[1] == "MLflow can be written again"
    server.stop()
    last = record(1, "COMPLETE", [6.0, 3.0])
    tracking.put(last)
    lost = tracking.close(last, finished=True)
    assert "written from the study when the search is next started" in lost[-1]
    server.start()
    records = [record(0, "COMPLETE", [5.0, 4.0]), last]
    assert track(store, records, uri=server.uri).close(last, finished=True) == []
    named = runs(store)
    assert {run.info.status for run in named.values()} == {"FINISHED"}
    assert history(store, named["toys/1"], "loss") == [(1, 6.5), (2, 3.5)]
    mlflow = client(store, server.uri)
    parent = runs(store)["toys"].info.run_id
    assert [file.path for file in mlflow.list_artifacts(parent)] == ["search.toml"]
    assert "[budget]" in (logged := Path(mlflow.download_artifacts(parent, "search.toml", str(store))).read_text())
    assert "[notify]" not in logged
    assert capfd.readouterr().out == ""
