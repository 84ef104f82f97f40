# pyright: reportPrivateUsage=false

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from search.spec.file import SearchSpec, parse
from search.study.connection import close_database, open_database
from search.study.database import open_study
from search.study.folder_lock import FileLeaseRecord
from search.study.in_database import DatabaseLeaseRecord
from search.study.lease import Driver, Lease, LeaseRecord, Pace, StudyLostError, Waiting

QUICK = Pace(beat=0.05, fence=5, watch=10, look=0.02)
TOY = ToyFamily()
SECOND_MACHINE = ("unshare", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture(params=["file", "sqlite", "postgresql"])
def slot(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[LeaseRecord]:
    if request.param == "file":
        yield FileLeaseRecord(tmp_path / "driver.json")
        return
    url = request.getfixturevalue("database") if request.param == "postgresql" else f"sqlite:///{tmp_path}/study.db"
    database = open_database(url)
    yield DatabaseLeaseRecord(database.engine, database.create_new_study([], "one"))
    close_database(database)


@pytest.fixture
def file_slot(tmp_path: Path) -> FileLeaseRecord:
    return FileLeaseRecord(tmp_path / "driver.json")


def elsewhere(**changes: object) -> Driver:
    return replace(Driver.this(), host="far", machine="another", token="theirs", **changes)  # noqa: S106


def record(driver: Driver, beat: int = 0) -> str:
    return json.dumps({**asdict(driver), "beat": beat})


def refuse(text: str) -> None:
    raise AssertionError(text)


def test_a_record_is_replaced_only_if_it_is_unchanged(slot: LeaseRecord) -> None:
    assert slot.read() is None
    assert slot.replace(None, "1")
    assert not slot.replace(None, "2")
    assert not slot.replace("2", "3")
    assert slot.read() == "1"
    assert slot.replace("1", "2")
    assert slot.replace("2", None)
    assert slot.read() is None
    assert not slot.replace("2", "3")
    assert slot.replace(None, "4")
    assert slot.read() == "4"


def test_only_one_of_several_concurrent_drivers_gets_the_lease(slot: LeaseRecord) -> None:
    start, leases = threading.Barrier(4), [Lease(slot, "toys", QUICK) for _ in range(4)]
    outcomes: list[Lease | str] = []

    def take(lease: Lease) -> None:
        start.wait()
        try:
            lease.take(lambda _: None)
        except BadInputError as error:
            outcomes.append(str(error))
        else:
            outcomes.append(lease)

    threads = [threading.Thread(target=take, args=(lease,)) for lease in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    (holder,) = [outcome for outcome in outcomes if isinstance(outcome, Lease)]
    refusals = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert len(refusals) == 3
    message = f"toys is running already (process {os.getpid()} on {socket.gethostname()}"
    assert all(message in refusal for refusal in refusals)
    holder.check()
    holder.release()
    assert slot.read() is None


def test_a_driver_without_a_heartbeat_is_replaced_after_a_message(file_slot: FileLeaseRecord) -> None:
    file_slot.replace(None, record(elsewhere(since=0.0)))
    messages: list[str] = []
    lease = Lease(file_slot, "toys", replace(QUICK, watch=1.0))
    lease.take(messages.append)
    (line,) = messages
    assert line.startswith(f"toys was last run by process {os.getpid()} on far, since 19")
    assert "waiting up to 1 s to see whether it is alive" in line
    lease.release()


def test_the_lease_of_a_driver_that_ends_while_it_is_watched_is_acquired(file_slot: FileLeaseRecord) -> None:
    theirs = record(elsewhere())
    file_slot.replace(None, theirs)
    lease = Lease(file_slot, "toys", Pace(beat=0.05, fence=0.5, watch=60, look=0.02))
    lease.take(lambda _: threading.Timer(0.1, file_slot.replace, (theirs, None)).start())
    lease.check()
    lease.release()


@pytest.mark.parametrize(
    "change",
    [{"process": 2**22 + 1}, {"started": "1"}, {}],
    ids=["ended", "process id reused", "this process, after a failed release"],
)
def test_a_driver_that_died_on_this_machine_is_replaced_without_waiting(
    file_slot: FileLeaseRecord, change: dict[str, object]
) -> None:
    file_slot.replace(None, record(replace(Driver.this(), **change)))
    lease = Lease(file_slot, "toys")
    lease.take(refuse)
    lease.release()


def test_a_zombie_process_is_gone() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        driver = replace(Driver.this(), process=child.pid, started=_started(child.pid))
        assert not driver.is_gone()
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert driver.is_gone()
    assert driver.is_gone()
    assert not replace(driver, machine="another").is_gone(), "process ids are local to their machine"


def _started(process: int) -> str:
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]


def test_a_driver_that_lost_its_lease_raises_and_keeps_the_other_record(file_slot: FileLeaseRecord) -> None:
    lease = Lease(file_slot, "toys", QUICK)
    lease.take(refuse)
    theirs = record(elsewhere(since=0.0))
    (file_slot._path.with_suffix(".new")).write_text(theirs)
    file_slot._path.with_suffix(".new").replace(file_slot._path)
    lease._thread.join(10)
    with pytest.raises(
        StudyLostError, match=r"toys was taken over by another .*process \d+ on far, since .*nothing recorded"
    ):
        lease.check()
    lease.release()
    assert file_slot.read() == theirs


def test_a_driver_with_an_old_renewal_renews_before_it_writes(file_slot: FileLeaseRecord) -> None:
    lease = Lease(file_slot, "toys", Pace(beat=60))
    lease.take(refuse)
    before = file_slot.read()
    lease.check()
    assert file_slot.read() == before
    lease._renewed -= 13
    lease.check()
    assert file_slot.read() != before
    lease._renewed -= 13
    file_slot.replace(file_slot.read(), None)  # another driver acquired and released it
    with pytest.raises(StudyLostError, match=r"taken over by another .*which has ended"):
        lease.check()
    lease.release()


def test_a_driver_recognises_its_own_renewal_whose_answer_was_lost(file_slot: FileLeaseRecord) -> None:
    lease = Lease(file_slot, "toys", Pace(beat=60))
    lease.take(refuse)
    before = lease._written
    lease._renew()
    lease._written = before
    lease._renew()
    lease.check()
    assert lease._written == file_slot.read()
    lease.release()
    assert file_slot.read() is None


def changed(**change: object) -> str:
    return json.dumps({**asdict(Driver.this()), **change})


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "\0\0\0",
        "7",
        "{}",
        "[" * 100_000,
        changed(process="x"),
        changed(process=-1),
        changed(process=10**30),
        changed(since=1e30),
        changed(since=None),
    ],
    ids=range(10),
)
def test_the_error_for_a_damaged_record_has_its_file_and_the_remedy(file_slot: FileLeaseRecord, text: str) -> None:
    file_slot._path.write_text(text)
    with pytest.raises(
        BadInputError, match=r"driver.json is damaged; check that no process .*remove the record"
    ) as caught:
        Lease(file_slot, "toys", QUICK).take(refuse)
    assert "\n" not in str(caught.value)
    assert file_slot.read() == text


def toy(url: str) -> SearchSpec:
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={"study.url": url})


@contextmanager
def holder(home: Path, url: str, *around: str) -> Generator[subprocess.Popen[str]]:
    """Run a second process that holds the search; ``around`` is a command prefix."""
    root = Path(__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": f"{root}:{Path(__file__).parents[1]}"}
    command = [*around, sys.executable, str(Path(__file__).parent.with_name("hold_study.py")), str(home), url]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "held\n"
            yield process
        finally:
            process.kill()


@pytest.fixture
def second_machine() -> tuple[str, ...]:
    """A command prefix that gives a process another host name and another namespace of process ids."""
    command = (*SECOND_MACHINE, "sh", "-c", 'hostname elsewhere && exec "$@"', "sh")
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode:
        pytest.skip("a second host name needs unshare and the permission to use it")
    return command


@pytest.mark.slow
def test_a_search_on_another_machine_is_refused_until_that_driver_is_dead(
    tmp_path: Path, database: str, second_machine: tuple[str, ...]
) -> None:
    messages: list[str] = []
    waiting = Waiting(messages.append)
    with holder(tmp_path / "theirs", database, *second_machine) as process:
        with (
            pytest.raises(
                BadInputError, match=r"toys is running already .process \d+ on elsewhere, since 20.*other name"
            ),
            open_study(toy(database), TOY, tmp_path / "ours", "f", waiting),
        ):
            pass
        process.kill()
        process.wait(10)
    with open_study(toy(database), TOY, tmp_path / "ours", "f", waiting) as study:
        study.check_held()
    assert len(messages) == 2, "one message per wait"
    with open_study(toy(database), TOY, tmp_path / "theirs", "f", Waiting(refuse)):
        pass  # a released lease is free immediately


@pytest.mark.slow
def test_a_driver_killed_on_this_machine_holds_no_lease_in_any_home(tmp_path: Path, database: str) -> None:
    with holder(tmp_path / "theirs", database) as process:
        with (
            pytest.raises(BadInputError, match=f"toys is running already .process {process.pid} on"),
            open_study(toy(database), TOY, tmp_path / "ours", "f"),
        ):
            pass
        process.kill()
        process.wait(10)
        for home in ("theirs", "ours"):
            with open_study(toy(database), TOY, tmp_path / home, "f", Waiting(refuse)):
                pass
