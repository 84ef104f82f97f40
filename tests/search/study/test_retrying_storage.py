# pyright: reportPrivateUsage=false

import pickle
import re
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from search.spec.file import parse
from search.study.connection import close_database, open_database
from search.study.database import open_study, read_search
from search.study.lease import StudyLostError, Waiting
from search.study.retrying_storage import RetryingStorage
from search.study.states import DatabaseGoneError
from tests.postgres_server import PASSWORD, USER, PostgresServer

TOY = ToyFamily()


class Line:
    """A proxy that can cut the connection to a server at a COMMIT: before the request, or before the answer."""

    def __init__(self, port: int) -> None:
        self._server, self.cut, self.num_cuts = ("127.0.0.1", port), "", 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._sockets[0].accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            self._sockets += [client, server]
            self._start(self._carry, client, server, "request")
            self._start(self._carry, server, client, "answer")

    def _carry(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while block := source.recv(65536):
                if self.cut == direction and b"COMMIT\0" in block:
                    self.cut, self.num_cuts = "", self.num_cuts + 1
                    break
                target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for end in self._sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for end in self._sockets:
            end.close()


@pytest.fixture
def line(postgres: PostgresServer) -> Generator[Line]:
    line = Line(postgres.port)
    yield line
    line.close()


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def storage(database: str, messages: list[str]) -> Generator[RetryingStorage]:
    storage = RetryingStorage(open_database(database), Waiting(messages.append))
    yield storage
    close_database(storage.database)


@pytest.fixture
def stopped(postgres: PostgresServer) -> Generator[PostgresServer]:
    """A server that a test may stop; it is restarted after the test."""
    yield postgres
    postgres.start_again()


@pytest.mark.parametrize("lost", ["request", "answer"])
def test_no_write_is_lost_or_repeated_when_the_connection_breaks(
    line: Line, database: str, postgres: PostgresServer, messages: list[str], lost: str
) -> None:
    storage = RetryingStorage(
        open_database(database.replace(f":{postgres.port}/", f":{line.port}/")), Waiting(messages.append)
    )
    steps: list[Callable[[optuna.Study], object]] = [
        lambda study: study.enqueue_trial({"x": 0.25}),
        lambda study: study.ask(),
        lambda study: storage.set_trial_param(study.trials[0]._trial_id, "x", 0.25, FloatDistribution(0, 1)),
        lambda study: study.ask(),
        lambda study: storage.set_trial_user_attr(study.trials[1]._trial_id, "epoch:1", {"seconds": 1.5}),
        lambda study: storage.set_trial_intermediate_value(study.trials[1]._trial_id, 1, 0.5),
        lambda study: storage.set_trial_state_values(study.trials[1]._trial_id, TrialState.COMPLETE, [0.5]),
        lambda study: storage.set_trial_state_values(study.trials[0]._trial_id, TrialState.WAITING),
        lambda study: study.set_user_attr("seconds", 3.0),
    ]
    line.cut = lost
    study = optuna.create_study(study_name="one", storage=storage, load_if_exists=True)
    for step in steps:
        line.cut = lost
        step(study)
    close_database(storage.database)
    assert line.num_cuts == len(steps) + 1
    assert len(messages) == 2 * line.num_cuts
    assert messages[1] == "the study's database answers again after 0 s; the search continues"

    with_database = open_database(database)
    loaded = optuna.load_study(study_name="one", storage=with_database)
    assert [(trial.number, trial.state, trial.value) for trial in loaded.trials] == [
        (0, TrialState.WAITING, None),
        (1, TrialState.COMPLETE, 0.5),
    ]
    assert loaded.trials[0].params == {"x": 0.25}
    assert loaded.trials[1].user_attrs == {"epoch:1": {"seconds": 1.5}}
    assert loaded.trials[1].intermediate_values == {1: 0.5}
    assert loaded.user_attrs == {"seconds": 3.0}
    close_database(with_database)


def test_the_storage_waits_for_a_server_restart(
    storage: RetryingStorage, stopped: PostgresServer, messages: list[str]
) -> None:
    study = optuna.create_study(study_name="one", storage=storage)
    stopped.stop()
    again = threading.Timer(2.5, stopped.start)
    again.start()
    assert study.ask().number == 0
    again.join()
    assert study.ask().number == 1
    assert len(messages) == 2
    assert re.fullmatch(r"the study's database does not answer \(.+\); the search waits for it", messages[0])
    assert re.fullmatch(r"the study's database answers again after \d+ s; the search continues", messages[1])


def test_a_request_to_stop_ends_the_wait(database: str, stopped: PostgresServer, messages: list[str]) -> None:
    stop = threading.Event()
    storage = RetryingStorage(open_database(database), Waiting(messages.append, stop.is_set))
    study = optuna.create_study(study_name="one", storage=storage)
    stopped.stop()
    threading.Timer(1.5, stop.set).start()
    with pytest.raises(
        StudyLostError, match=r"it did not \(.*refused.*\) when the search was told to stop; what is recorded"
    ):
        study.ask()
    assert stop.is_set()
    assert len(messages) == 1
    close_database(storage.database)


def test_nothing_is_written_if_before_writing_raises(storage: RetryingStorage) -> None:
    def forbid() -> None:
        raise StudyLostError("taken over")

    trial = optuna.create_study(study_name="one", storage=storage).ask()
    storage = RetryingStorage(storage.database, Waiting(), before_writing=forbid)
    study = optuna.load_study(study_name="one", storage=storage)
    for write in (
        study.ask,
        lambda: storage.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [1.0]),
        lambda: study.set_user_attr("a", 1),
    ):
        with pytest.raises(StudyLostError, match="taken over"):
            write()
    assert [running.state for running in study.get_trials()] == [TrialState.RUNNING]
    assert study.user_attrs == {}


def test_the_storage_cannot_be_pickled(storage: RetryingStorage) -> None:
    with pytest.raises(TypeError, match="its URL may contain a password"):
        pickle.dumps(storage)


def test_opening_a_server_that_is_down_fails_immediately(
    home: Path, database: str, stopped: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={"study.url": database})
    with open_study(search, TOY, home, "f"):
        pass
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    assert read_search(home, "toys", TOY).trials == ()
    stopped.stop()
    message = r"the study's database must be reachable: postgresql\+psycopg://tunesmith@127.*refused"
    with pytest.raises(DatabaseGoneError, match=message), open_study(search, TOY, home, "f"):
        pass
    with pytest.raises(DatabaseGoneError, match=message):
        read_search(home, "toys", TOY)


def test_a_missing_password_is_an_error_and_can_come_from_the_environment_or_a_file(
    database: str, postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = postgres.url(database.rpartition("/")[2], password="")
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    monkeypatch.delenv("PGPASSWORD", raising=False)
    with pytest.raises(BadInputError, match=r"asks for a password, and tunesmith stores none.*PGPASSWORD.*PGPASSFILE"):
        open_database(bare)
    words = tmp_path / "pgpass"
    words.write_text(f"127.0.0.1:{postgres.port}:*:{USER}:{PASSWORD}\n")
    words.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(words))
    close_database(open_database(bare))
    monkeypatch.delenv("PGPASSFILE")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    close_database(open_database(bare))
    with pytest.raises(DatabaseGoneError, match="password authentication failed") as caught:
        open_database(postgres.url("postgres", password="s3cret"))  # noqa: S106
    assert "s3cret" not in str(caught.value)


def test_a_password_may_contain_any_character(postgres: PostgresServer) -> None:
    secret = "a{b}%c:d/e@f?g#h"  # noqa: S105
    name = postgres.create("any-character").rpartition("/")[2]
    postgres.execute(f"CREATE ROLE odd SUPERUSER LOGIN PASSWORD '{secret}'")
    close_database(open_database(postgres.url(name, password=secret).replace(f"//{USER}:", "//odd:")))


@pytest.mark.parametrize("url", ["postgresql", "postgresql+psycopg://u:pass:word@host:pw/db", "none://u:word@h/db"])
def test_an_invalid_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(BadInputError, match=r"study\.url must be a SQLAlchemy URL|must be reachable") as caught:
        open_database(url)
    assert "word" not in str(caught.value)
