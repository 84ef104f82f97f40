"""The lease of a search: one driver at a time, shown by a record whose beat moves while the driver is alive.

The record is kept with the search's study, so that a driver on another machine sees it. Machines' clocks are never
compared: a driver that finds a record watches whether its beat moves. A driver that could not renew its lease for a
while renews it before it writes, so that one that was cut off or stopped and came back does no harm.

PostgreSQL's advisory locks do not replace it: one is lost with its connection, so whenever the server restarts; it is
held for hours for a machine that lost its power; and journals and SQLite have none.
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
"""Tokens of the leases that this process holds or is taking."""


class StudyLostError(BadInputError):
    """This driver can no longer use its study, so it must end its search and write nothing more."""


@dataclass
class Waiting:
    """What a search does while it waits for its study.

    Attributes:
        say: Called with a message for the user, when it waits and when it continues.
        stopped: Returns whether to stop waiting.
    """

    say: Callable[[str], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False


class LeaseRecord(Protocol):
    """The record of who runs a search, wherever it is stored."""

    @property
    def where(self) -> str:
        """Where it is stored, as a user knows it."""
        ...

    def read(self) -> str | None:
        """Return its text, None if there is none."""
        ...

    def replace(self, old: str | None, new: str | None) -> bool:
        """Replace the text that was read, if it is still the same; None is no record.

        Args:
            old: What was read.
            new: What to write.

        Returns:
            Whether it was replaced; not if another driver has written since.
        """
        ...


@dataclass(frozen=True)
class Pace:
    """The times of a lease, in seconds.

    Attributes:
        beat: Between renewals.
        fence: Age of the last renewal beyond which a driver does not write.
        watch: How long the beat must not move before a driver counts as dead; more than ``fence`` and what a statement
            on its way may take.
        look: Between readings of the beat.
    """

    beat: float = 5.0
    fence: float = 12.0
    watch: float = 20.0
    look: float = 1.0


@dataclass(frozen=True)
class Driver:
    """A process that runs a search.

    Attributes:
        host: Its machine's name, for people.
        machine: Where its process id is valid: the boot of a system, and the namespace of process ids (a container has
            its own). Empty where that is unknown.
        process: Its process id.
        started: When it was started, by the system's count: process ids are used again.
        since: Seconds since 1970 at which it took the search, by its own clock; for people.
        token: What identifies it among all drivers.
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
        """Return whether it has surely ended, which only its own machine can know."""
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
        return self.process == os.getpid() and self.token not in _held  # its record could not be removed when it ended

    def __str__(self) -> str:
        """Return who it is, and since when, in words."""
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
    """Return when a process started, "dead" for a zombie, empty where unknown."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "dead" if fields[0] in "ZX" else fields[19]


def running_already(name: str, who: object) -> BadInputError:
    """Return the error for a search that another driver holds."""
    return BadInputError(
        "a search is run or promoted by one process at a time",
        f"{name} is running already",
        str(who),
        "wait for it; a new search can take another name",
        Action("rename search"),
    )


class Lease:
    """One driver's hold on a search, renewed by a thread of its own."""

    def __init__(self, record: LeaseRecord, name: str, pace: Pace | None = None) -> None:
        """Prepare; nothing is held yet.

        Args:
            record: Who runs the search; read and written by two threads, in turns.
            name: The search's name.
            pace: Its times.
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
        """Take the search, and keep it until :meth:`release`.

        Args:
            say: Called with a message for the user, if this waits.

        Raises:
            BadInputError: If another driver runs it.
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
        """Check that this driver still holds the search, before something is written.

        Raises:
            StudyLostError: If it is not.
        """
        if not self._lost and _clock() - self._renewed > self._pace.fence:
            with self._lock:
                self._renew()
        if self._lost is not None:
            raise self._lost

    def release(self) -> None:
        """Release the search; if the record cannot be removed, the lease expires."""
        _held.discard(self._driver.token)
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(self._pace.beat)
        if not self._lost and self._written is not None:
            with suppress(Exception):
                self._stored.replace(self._written, None)

    def _watch(self, seen: str | None) -> str | None:
        """Read the record until it changes, or has not changed for long enough; return the newest."""
        began = _clock()
        while _clock() - began < self._pace.watch:
            asked = _clock()
            time.sleep(self._pace.look)
            newest = self._stored.read()
            if newest != seen:
                return newest
            if _clock() - asked > self._pace.look + self._pace.beat:
                began = _clock()  # it could not be read for a while, nor could the other driver write it
        return seen

    def _keep(self) -> None:
        while not self._lost and not self._end.wait(self._pace.beat):
            with suppress(Exception), self._lock:  # retried at the next beat; check() raises what is wrong
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
    """Hold a search.

    Args:
        record: Who runs it.
        name: Its name.
        say: Called with a message for the user, if this waits to see whether another driver is alive.
        pace: The lease's times.

    Yields:
        The lease.

    Raises:
        BadInputError: If another driver runs it.
    """
    lease = Lease(record, name, pace)
    try:
        lease.take(say)
        yield lease
    finally:
        lease.release()


def driver_of(record: str | None, where: str) -> Driver | None:
    """Read which driver wrote a lease's record.

    Args:
        record: Its text.
        where: Where it was read, for the error.

    Returns:
        The driver; None where there is no record.

    Raises:
        BadInputError: If no driver wrote it.
    """
    if record is None:
        return None
    try:
        return _DRIVER.validate_json(record)
    except ValueError:
        raise BadInputError(
            "the record of who runs a search must be whole",
            f"{where} is damaged",
            remedy="check that no process runs the search, remove the record, and run the same command again",
        ) from None


def living(record: LeaseRecord) -> Driver | None:
    """Return which driver wrote a lease's record; None if there is none, or if it is known to have ended."""
    driver = driver_of(record.read(), record.where)
    return None if driver is None or driver.is_gone() else driver


def _clock() -> float:
    """Return seconds that also count while the machine sleeps, where there is such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
