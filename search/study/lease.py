"""Who runs a search: one driver at a time, shown by a record with a beat that moves while the driver lives.

The record is kept where the search's state is, so that a driver on another machine sees it. Machines' clocks are never
compared: who finds a record watches whether its beat moves, for longer than a few beats. A driver that could not renew
its lease for a while writes nothing before it has, so that one that was cut off and came back does no harm.
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
from datetime import datetime
from pathlib import Path
from typing import Annotated, Protocol

from pydantic import Field, TypeAdapter

from data_prep.errors import BadInputError

_held: set[str] = set()
"""Tokens of the leases that this process holds, or is about to."""


class StudyLostError(BadInputError):
    """This driver can use its study no longer, so it must end its search and write nothing more."""


@dataclass
class Waiting:
    """What goes on while a search waits.

    Attributes:
        say: Is told that it waits, and that it goes on.
        stopped: Says whether to wait no longer.
    """

    say: Callable[[str], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False


class Slot(Protocol):
    """The place of a search's one record."""

    @property
    def where(self) -> str:
        """The place, as a user knows it."""
        ...

    def read(self) -> str | None:
        """Give the record, None where there is none."""
        ...

    def replace(self, old: str | None, new: str | None) -> bool:
        """Put a record in the place of the one that was read; None for none.

        Args:
            old: What was read.
            new: What to write.

        Returns:
            Whether it was done; not if another driver has written since.
        """
        ...


@dataclass(frozen=True)
class Pace:
    """How quick a lease is, in seconds.

    Attributes:
        beat: Between two renewals.
        fence: Age of the last renewal beyond which a driver does not write.
        watch: How long the beat must stand still before a driver counts as dead; more than ``fence``, and what a
            statement on its way may take.
        look: Between two looks at the beat.
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
        machine: Where its number means something: the start of a system, and the space of its process numbers (a
            container has its own). Empty where that is unknown.
        process: Its number.
        started: When it was started, by the system's count: numbers are used again.
        since: Seconds since 1970 at which it took the search, by its own clock; for people.
        token: What tells it from any other.
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
        """Say whether it has surely ended, which only its own machine can know."""
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
        return self.process == os.getpid() and self.token not in _held  # its place did not answer when it gave it up

    def __str__(self) -> str:
        """Say in words who it is, and since when."""
        since = datetime.fromtimestamp(self.since)  # noqa: DTZ006  (the reader's own time)
        return f"process {self.process} on {self.host}, since {since:%Y-%m-%d %H:%M:%S}"


_DRIVER = TypeAdapter(Driver)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(number: int) -> str:
    """Tell a process from others of its number; "dead" for one that only waits to be buried, empty where unknown."""
    try:
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "dead" if fields[0] in "ZX" else fields[19]


def running_already(name: str, who: object) -> BadInputError:
    """Make the error for a search that another driver holds."""
    return BadInputError(
        f"a search is run or promoted by one process at a time: {name} is running already ({who}); "
        "wait for it; a new search can take another --name"
    )


class Lease:
    """One driver's hold on a search, renewed by a thread of its own."""

    def __init__(self, slot: Slot, name: str, pace: Pace | None = None) -> None:
        """Prepare; nothing is held yet.

        Args:
            slot: Where the record is; read and written by two threads, in turns.
            name: The search's name.
            pace: How quick it is.
        """
        self._slot, self._name, self._pace = slot, name, pace or Pace()
        self._driver = Driver.this()
        self._beat = 0
        self._written: str | None = None
        self._renewed = 0.0
        self._lost = ""
        self._lock = threading.Lock()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="lease", daemon=True)

    def take(self, say: Callable[[str], None]) -> None:
        """Take the search, and keep it until :meth:`release`.

        Args:
            say: Is told that this waits.

        Raises:
            BadInputError: If another driver runs it.
        """
        _held.add(self._driver.token)
        seen = self._slot.read()
        while True:
            holder = driver_of(seen, self._slot.where)
            if holder is not None and not holder.is_gone():
                say(
                    f"{self._name} was last run by {holder}, which did not end it: "
                    f"waiting up to {self._pace.watch:.0f} s to see whether it lives"
                )
                newest = self._watch(seen)
                alive = driver_of(newest, self._slot.where) if newest != seen else None
                if alive is not None:
                    raise running_already(self._name, alive)
                seen = newest
            asked = _clock()
            mine = self._record()
            if self._slot.replace(seen, mine):
                break
            seen = self._slot.read()  # another was quicker, or it ended at this moment
        self._written, self._renewed = mine, asked
        self._thread.start()

    def check(self) -> None:
        """Make sure that the search is still this driver's, before something is written.

        Raises:
            StudyLostError: If it is not.
        """
        if not self._lost and _clock() - self._renewed > self._pace.fence:
            with self._lock:
                self._renew()
        if self._lost:
            raise StudyLostError(self._lost)

    def release(self) -> None:
        """Give the search up; if its place does not answer, the lease expires."""
        _held.discard(self._driver.token)
        self._end.set()
        if self._thread.ident is not None:
            self._thread.join(self._pace.beat)
        if not self._lost and self._written is not None:
            with suppress(Exception):
                self._slot.replace(self._written, None)

    def _watch(self, seen: str | None) -> str | None:
        """Look at the record until it changes, or stood still for long enough; give the newest."""
        began = _clock()
        while _clock() - began < self._pace.watch:
            asked = _clock()
            time.sleep(self._pace.look)
            newest = self._slot.read()
            if newest != seen:
                return newest
            if _clock() - asked > self._pace.look + self._pace.beat:
                began = _clock()  # its place did not answer for a while, and the other driver had none either
        return seen

    def _keep(self) -> None:
        while not self._lost and not self._end.wait(self._pace.beat):
            with suppress(Exception), self._lock:  # tried again at the next beat; check() says what is wrong
                self._renew()

    def _renew(self) -> None:
        asked = _clock()
        self._beat += 1
        record = self._record()
        if not self._slot.replace(self._written, record):
            found = self._slot.read()
            holder = driver_of(found, self._slot.where)
            if holder is None or holder.token != self._driver.token or not self._slot.replace(found, record):
                self._lost = (
                    f"a search is run by one process at a time: {self._name} was taken over by another "
                    f"({holder or 'which has ended'}) while this process could not reach the study, so this one "
                    f"has stopped; nothing recorded is lost: tunesmith trials {self._name}"
                )
                return
        self._written, self._renewed = record, asked

    def _record(self) -> str:
        return json.dumps({**asdict(self._driver), "beat": self._beat})


@contextmanager
def held(slot: Slot, name: str, say: Callable[[str], None], pace: Pace | None = None) -> Generator[Lease]:
    """Hold a search.

    Args:
        slot: Where its record is.
        name: Its name.
        say: Is told that this waits to see whether another driver lives.
        pace: How quick the lease is.

    Yields:
        The lease.

    Raises:
        BadInputError: If another driver runs it.
    """
    lease = Lease(slot, name, pace)
    try:
        lease.take(say)
        yield lease
    finally:
        lease.release()


def driver_of(record: str | None, where: str) -> Driver | None:
    """Read who wrote a lease's record.

    Args:
        record: The record.
        where: Where it was read, for the error.

    Returns:
        The driver; None where there is no record.

    Raises:
        BadInputError: If it is none that a driver wrote.
    """
    if record is None:
        return None
    try:
        return _DRIVER.validate_json(record)
    except ValueError:
        raise BadInputError(
            f"who runs a search is recorded by its driver: {where} is damaged; see that no process runs the search, "
            "remove the record, and run the same command again"
        ) from None


def living(slot: Slot) -> Driver | None:
    """Read who wrote a lease's record; None where there is none, or where it is known to have ended."""
    driver = driver_of(slot.read(), slot.where)
    return None if driver is None or driver.is_gone() else driver


def _clock() -> float:
    """Give seconds that go on while the machine sleeps, where there is such a clock."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
