"""The lease of a search: one driver at a time, which renews a record with a heartbeat.

The record is stored with the search's study, so drivers on other machines see it. Clocks of machines are never
compared: a driver that finds a record watches whether its heartbeat changes. A driver that could not renew its lease
for some time renews it before it writes, so a driver that was disconnected or suspended does no harm.

PostgreSQL's advisory locks are not enough: they are lost with their connection, as when the server restarts; they are
held for hours after their machine lost power; and journals and SQLite have none.
"""

import json
import os
import platform
import threading
import time
import uuid
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field, TypeAdapter

from data_prep.errors import Action, BadInputError

_held: set[str] = set()
"""Tokens of the leases that this process holds or is acquiring."""


class StudyLostError(BadInputError):
    """This driver can no longer use its study, and must end its search without further writes."""


@dataclass
class Waiting:
    """Callbacks of a search that waits for its study.

    Attributes:
        say: Called with a message for the user when it waits and when it continues.
        stopped: Returns whether to stop waiting.
    """

    say: Callable[[str], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False


class LeaseRecord(Protocol):
    """The stored record of the driver that runs a search."""

    @property
    def where(self) -> str:
        """Where the record is stored, for the user."""
        ...

    def read(self) -> str | None:
        """Return the record's text, None if there is none."""
        ...

    def replace(self, old: str | None, new: str | None) -> bool:
        """Replace the record's text by compare-and-swap; None means no record.

        Args:
            old: The text that was read.
            new: The text to write.

        Returns:
            Whether it was replaced; False if another driver has written since.
        """
        ...


@dataclass(frozen=True)
class Pace:
    """Timing of a lease (seconds).

    Attributes:
        beat: Time between renewals.
        fence: Maximum age of the last renewal at which a driver may write without renewing first.
        watch: Time without a renewal after which a driver counts as dead; more than ``fence`` plus the duration of a
            write.
        look: Time between reads of the record.
    """

    beat: float = 5.0
    fence: float = 12.0
    watch: float = 20.0
    look: float = 1.0


@dataclass(frozen=True)
class Driver:
    """A process that runs a search.

    Attributes:
        host: Its machine's name, for messages.
        machine: Where its process id is valid: the boot id of the system and the namespace of process ids (each
            container has its own). Empty if unknown.
        process: Its process id.
        started: Start time in clock ticks since boot, which detects a reused process id. Empty if unknown.
        since: When it acquired the search (seconds since 1970, by its own clock), for messages.
        token: A unique id of the driver.
    """

    host: str
    machine: str
    process: Annotated[int, Field(gt=0, lt=2**31)]
    started: str
    since: Annotated[float, Field(ge=0, lt=2**36)]
    token: str

    @classmethod
    def this(cls) -> "Driver":
        """Describe this process."""
        number = os.getpid()
        return cls(platform.node(), _machine(), number, _started(number), round(time.time(), 3), uuid.uuid4().hex)

    def is_gone(self) -> bool:
        """Return whether it has certainly ended, which only its own machine can determine."""
        if not self.machine or self.machine != _machine():
            return False
        try:
            os.kill(self.process, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        started = _started(self.process)
        if started not in ("", self.started):
            return True
        return self.process == os.getpid() and self.token not in _held  # an ended search whose record was not removed

    def __str__(self) -> str:
        """Return a description of the process for messages."""
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"process {self.process} on {self.host}, since {since}"


_DRIVER = TypeAdapter(Driver)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(number: int) -> str:
    """Return when a process started (clock ticks), "dead" for a zombie, empty if unknown."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "dead" if fields[0] in "ZX" else fields[19]


class RunningAlreadyError(BadInputError):
    """Another process holds the search."""


def running_already(name: str, who: object) -> BadInputError:
    """Return the error for a search that another driver holds."""
    return RunningAlreadyError(
        "a search is run or promoted by one process at a time",
        f"{name} is running already",
        str(who),
        "wait for it; a new search can take another name",
        Action("rename search"),
    )


class Lease:
    """A driver's lease on a search, renewed by a thread."""

    def __init__(self, record: LeaseRecord, name: str, pace: Pace | None = None) -> None:
        """Initialize without acquiring the lease.

        Args:
            record: The stored record; accessed by two threads, one at a time.
            name: The search's name.
            pace: Timing of the lease; None is ``Pace()``.
        """
        self._stored, self._name, self._pace = record, name, pace or Pace()
        self._driver = Driver.this()
        self._beat = 0
        self._written: str | None = None
        self._renewed = 0.0
        self._lost: StudyLostError | None = None
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(self, say: Callable[[str], None]) -> None:
        """Acquire the lease and renew it until :meth:`release`.

        Args:
            say: Called with a message for the user before waiting.

        Raises:
            BadInputError: If another driver runs the search.
        """
        _held.add(self._driver.token)
        seen = self._stored.read()
        while True:
            holder = driver_of(seen, self._stored.where)
            if holder is not None and not holder.is_gone():
                say(
                    f"{self._name} was last run by {holder}, which did not end it: "
                    f"waiting up to {self._pace.watch:.0f} s to see whether it is alive"
                )
                newest = self._watch(seen)
                alive = driver_of(newest, self._stored.where) if newest != seen else None
                if alive is not None:
                    raise running_already(self._name, alive)
                seen = newest
            asked = _clock()
            mine = self._record()
            if self._stored.replace(seen, mine):
                break
            seen = self._stored.read()  # another driver was faster, or it ended just now
        self._written, self._renewed = mine, asked
        self._thread.start()

    def check(self) -> None:
        """Check before a write that this driver still holds the lease.

        Raises:
            StudyLostError: If it does not.
        """
        if not self._lost and _clock() - self._renewed > self._pace.fence:
            with self._lock:
                self._renew()
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Release the lease; if the record cannot be removed, the lease expires."""
        _held.discard(self._driver.token)
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(self._pace.beat)
        if not self._lost and self._written is not None:
            with suppress(Exception):
                self._stored.replace(self._written, None)

    def _watch(self, seen: str | None) -> str | None:
        """Read the record until it changes or ``watch`` has passed, and return the newest text."""
        began = _clock()
        while _clock() - began < self._pace.watch:
            asked = _clock()
            time.sleep(self._pace.look)
            newest = self._stored.read()
            if newest != seen:
                return newest
            if _clock() - asked > self._pace.look + self._pace.beat:
                began = _clock()  # the record could not be read for a while, so the other driver could not write it
        return seen

    def _keep(self) -> None:
        while not self._lost and not self._end.wait(self._pace.beat):
            with suppress(Exception), self._lock:  # retried at the next beat; check() raises the error
                self._renew()

    def _renew(self) -> None:
        asked = _clock()
        self._beat += 1
        record = self._record()
        if not self._stored.replace(self._written, record):
            present = self._stored.read()
            holder = driver_of(present, self._stored.where)
            if holder is None or holder.token != self._driver.token or not self._stored.replace(present, record):
                self._lost = StudyLostError(
                    "a search is run by one process at a time",
                    f"{self._name} was taken over by another while this process could not reach the study",
                    str(holder or "which has ended"),
                    "this process has stopped, and nothing recorded is lost",
                    Action("list trials", {"search": self._name}),
                )
                return
        self._written, self._renewed = record, asked

    def _record(self) -> str:
        return json.dumps({**asdict(self._driver), "beat": self._beat})


@contextmanager
def held(record: LeaseRecord, name: str, say: Callable[[str], None], pace: Pace | None = None) -> Generator[Lease]:
    """Hold the lease of a search.

    Args:
        record: The stored record.
        name: The search's name.
        say: Called with a message for the user before waiting to see whether another driver is alive.
        pace: Timing of the lease; None is ``Pace()``.

    Yields:
        The lease.

    Raises:
        BadInputError: If another driver runs the search.
    """
    lease = Lease(record, name, pace)
    try:
        lease.take(say)
        yield lease
    finally:
        lease.release()


def driver_of(record: str | None, where: str) -> Driver | None:
    """Parse the driver in a lease's record.

    Args:
        record: The record's text.
        where: Where the record is stored, for the error.

    Returns:
        The driver; None if there is no record.

    Raises:
        BadInputError: If the record is damaged.
    """
    if record is None:
        return None
    try:
        return _DRIVER.validate_json(record)
    except ValueError:
        raise BadInputError(
            "the record of a search's driver must be intact",
            f"{where} is damaged",
            remedy="check that no process runs the search, remove the record, and run the same command again",
        ) from None


def living(record: LeaseRecord) -> Driver | None:
    """Return the driver in a lease's record; None if there is none, or it is known to have ended."""
    driver = driver_of(record.read(), record.where)
    return None if driver is None or driver.is_gone() else driver


def _clock() -> float:
    """Return the monotonic time (seconds), including suspended time if the system has such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
