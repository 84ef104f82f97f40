"""Complete searches whose study is in a real PostgreSQL."""

import importlib
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

import pytest
from toy_family import TOY_SEARCH, ToyFamily, toy_data

from data_prep.errors import BadInputError
from search.driver.search_run import SearchResult, SearchTask, Workers, run
from search.spec.file import parse
from search.study.connection import close_database, open_database
from search.study.database import read_search
from search.study.in_database import DatabaseLeaseRecord
from search.study.observer import SilentObserver
from search.study.records import TrialRecord
from tests.postgres_server import PASSWORD, PostgresServer

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore"),  # warnings of Ray and MLflow
]
TOY = ToyFamily()


class Listener(SilentObserver):
    """Stores the messages for the user, and calls a function at an epoch."""

    def __init__(self, at: tuple[int, int] = (-1, 0), then: Callable[[], object] = lambda: None) -> None:
        self._at, self._then = at, then
        self.messages: list[str] = []

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        if (number, epoch) == self._at:
            self._then()

    def message(self, text: str) -> None:
        self.messages.append(text)


@pytest.fixture
def server(postgres: PostgresServer) -> Generator[PostgresServer]:
    """A server that a test may stop; it is restarted after the test."""
    yield postgres
    postgres.start_again()


def go(home: Path, url: str, observer: SilentObserver, trials: int = 8, pause: float = 0.0) -> SearchResult:
    changes: Mapping[str, object] = {"study.url": url, "budget.trials": trials, "space.pause": pause}
    search = parse(TOY_SEARCH, "toy.toml", family=TOY, overrides=changes)
    return run(SearchTask(search, TOY, toy_data(), "toy-1", home), observer, Workers(slots=1))


def essence(trials: tuple[TrialRecord, ...]) -> list[Any]:
    """Return everything that the same seed must reproduce: all but times."""
    return [
        (
            trial.number,
            trial.state,
            trial.values,
            [(epoch.report.epoch, epoch.report.metrics) for epoch in trial.epochs],
        )
        for trial in trials
    ]


def test_a_search_through_a_server_restart_equals_one_in_a_journal_and_stores_no_password(
    tracked_home: Path, database: str, server: PostgresServer, capfd: pytest.CaptureFixture[str]
) -> None:
    def stop() -> None:
        server.stop()
        threading.Timer(10, server.start).start()

    home, journal = tracked_home, tracked_home.with_name("journal")
    journal.mkdir()
    (journal / "mlflow.db").write_bytes((home / "mlflow.db").read_bytes())
    listener = Listener((3, 1), stop)
    outcome = go(home, database, listener)
    assert essence(outcome.trials) == essence(go(journal, "", SilentObserver()).trials)
    assert len(outcome.trials) == 8
    assert len(listener.messages) == 2
    assert "the study's database does not answer (" in listener.messages[0]
    assert "the study's database answers again after 1" in listener.messages[1]
    assert "PRUNED" in {trial.state for trial in outcome.trials}

    word = PASSWORD.partition("@")[0]
    assert word in database
    assert not [path for path in home.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]
    assert word not in "".join(listener.messages) + "".join(capfd.readouterr())
    tables = server.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'", database.rpartition("/")[2]
    )
    assert ("study_user_attributes",) in tables
    for (table,) in tables:
        assert word not in repr(server.execute(f"TABLE {table}", database.rpartition("/")[2]))
    worker: Any = importlib.import_module("ray._private.worker")  # Ray's logs have no public address
    session = Path(worker._global_node.get_session_dir_path())
    assert not [path for path in session.rglob("*") if path.is_file() and word.encode() in path.read_bytes()]


def test_a_signal_stops_a_search_that_waits_for_its_database(
    tracked_home: Path, database: str, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[float] = []

    def send() -> None:
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGTERM)

    def stop() -> None:
        server.stop()
        threading.Timer(1.5, send).start()

    listener = Listener((1, 1), stop)
    with pytest.raises(
        BadInputError, match=r"it did not \(.*refused.*when the search was told to stop; what is record"
    ):
        go(tracked_home, database, listener, trials=3, pause=0.1)
    assert time.monotonic() - sent[0] < 10
    assert [text.partition(" (")[0] for text in listener.messages] == ["the study's database does not answer"]
    server.start()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    before = read_search(tracked_home, "toys", TOY).trials
    assert [trial.state for trial in before][1:] == ["WAITING"]
    after = go(tracked_home, database, SilentObserver(), trials=3, pause=0.1)
    assert [trial.number for trial in after.trials] == [0, 1, 2]
    assert after.reason == "trials"
    assert after.trials[0] == before[0]


def test_a_driver_whose_search_was_taken_over_stops_without_further_writes(tracked_home: Path, database: str) -> None:
    def take_over() -> None:
        other = open_database(database)
        slot = DatabaseLeaseRecord(other.engine, 1)
        mine = slot.read()
        assert mine is not None
        while not slot.replace(mine, mine.replace('"token": "', '"token": "not ')):
            mine = slot.read()
            assert mine is not None
        close_database(other)

    with pytest.raises(
        BadInputError, match=r"toys was taken over by another .*process \d+ on .*nothing recorded is lost"
    ):
        go(tracked_home, database, Listener((1, 1), take_over), trials=1000, pause=0.1)
    other = open_database(database)
    assert "not " in str(DatabaseLeaseRecord(other.engine, 1).read())
    close_database(other)
