"""Searches as jobs on a cluster: they are submitted over HTTP and run on the head, with or without a follower."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import shlex
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.launch.dashboard import connect_dashboard
from cluster.session import PACKAGES, reason_of
from data_prep.errors import Action, BadInputError, unknown

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

STOP_SECONDS = 20
"""Seconds between SIGTERM and SIGKILL when a job is stopped: a search ends within 10; Ray's default is 3."""

_SEARCH = "tunesmith_search"
_HOME = "tunesmith_home"
_NO_AGENT = "No available agent"
"""Part of Ray's error while a head starts: its agent accepts jobs some seconds after its dashboard answers."""
_AGENT_SECONDS = 60
_RECONNECTIONS = 30


@dataclass(frozen=True)
class Job:
    """A job on a cluster.

    Attributes:
        id: Id of the job on this cluster.
        search: Name of its search; empty for a job that tunesmith did not submit.
        home: The search's home folder on the cluster.
        state: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.
        started: Time of its start, in seconds since 1970; None before that.
        ended: Time of its end, likewise; None before that.
        message: The cluster's message about its state.
        exit_status: Exit status of its process; None unless the process ended by itself.
    """

    id: str
    search: str
    home: str
    state: str
    started: float | None
    ended: float | None
    message: str
    exit_status: int | None

    @property
    def is_over(self) -> bool:
        """Whether the job has ended."""
        return self.state in {"SUCCEEDED", "FAILED", "STOPPED"}

    @property
    def status(self) -> int:
        """Exit status for a command that waited for the job: that of its process; 130 if it was stopped."""
        return 130 if self.state == "STOPPED" else self.exit_status or int(self.state != "SUCCEEDED")


class Jobs:
    """The jobs of one cluster."""

    def __init__(self, client: "JobSubmissionClient", address: str) -> None:
        """Use a client that is connected to ``address``; see :func:`connect_jobs`."""
        self._client = client
        self._address = address

    def submit(self, entrypoint: Sequence[str], folder: Path, *, search: str, home: str) -> Job:
        """Start a search as a job.

        Args:
            entrypoint: The words of the command; it runs in the uploaded folder, with this machine's version of our
                packages.
            folder: The folder to upload.
            search: The search's name.
            home: Its home folder on the cluster.

        Returns:
            The job.

        Raises:
            BadInputError: If a job is already running this search, or the cluster rejects the job.
        """
        jobs = self.list()
        for job in jobs:
            if (job.search, job.home) == (search, home) and not job.is_over:
                raise BadInputError(
                    "only one job at a time may run a search",
                    f"the job {job.id} runs {search} in {home}",
                    remedy="stop that job first",
                    action=Action("stop job", {"job": job.id, "address": self._address}),
                )
        # If two users submit at the same moment, both choose the same id, and Ray accepts only one of the jobs.
        id_ = f"{search}-{1 + max((_number(job.id, search) for job in jobs), default=0)}"
        root = Path(__file__).parents[2]
        environment = {
            "working_dir": str(folder),
            "py_modules": [str(root / package) for package in PACKAGES],
            "excludes": ["__pycache__"],
            "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(STOP_SECONDS)},
        }
        end = time.monotonic() + _AGENT_SECONDS
        while True:
            try:
                self._client.submit_job(
                    entrypoint=f"exec {shlex.join(entrypoint)}",  # so that signals reach the search, not a shell
                    submission_id=id_,
                    runtime_env=environment,
                    metadata={_SEARCH: search, _HOME: home},
                )
                return self.find(id_)
            except RuntimeError as error:
                if _NO_AGENT not in str(error) or time.monotonic() > end:
                    value = f"{self._address} does not ({reason_of(error)})"
                    raise BadInputError("the cluster must accept the job", value) from None
                time.sleep(1)

    def list(self) -> list[Job]:
        """Return all submitted jobs, newest first."""
        jobs = [_job(details) for details in self._client.list_jobs() if details.submission_id]
        return sorted(jobs, key=lambda job: (job.started or 0.0, job.id), reverse=True)

    def find(self, id_: str) -> Job:
        """Return the current state of a job.

        Args:
            id_: The job's id.

        Returns:
            The job.

        Raises:
            BadInputError: If there is no such job.
        """
        jobs = {job.id: job for job in self.list()}
        if id_ in jobs:
            return jobs[id_]
        if not jobs:
            raise BadInputError(f"no job is called {id_!r}", f"none was submitted to {self._address}")
        raise unknown("job", id_, jobs, self._address)

    def follow(self, id_: str, write: Callable[[str], object]) -> Job:
        """Write the output of a job from the beginning until it ends, and reconnect when the connection breaks.

        Args:
            id_: The job's id.
            write: Called with each piece of text.

        Returns:
            The ended job.

        Raises:
            BadInputError: If there is no such job, or the cluster no longer answers.
        """
        job = self.find(id_)
        seen = 0
        for attempt in range(_RECONNECTIONS):
            try:
                if attempt:
                    time.sleep(2)
                    job = self.find(id_)
                seen = asyncio.run(self._tail(id_, seen, write))
                job = self._ended(id_)
            except BadInputError:
                raise
            except (OSError, RuntimeError):  # the connection broke
                continue
            if job.is_over:
                return job
        raise BadInputError(
            "the cluster must answer while a job is followed",
            f"{self._address} no longer does, though the job may still run",
            remedy="follow it again later",
            action=Action("follow job", {"job": id_, "address": self._address}),
        )

    async def _tail(self, id_: str, seen: int, write: Callable[[str], object]) -> int:
        """Write the log after its first ``seen`` characters, and return its length."""
        position = 0
        async for text in self._client.tail_job_logs(id_):
            new = text[max(0, seen - position) :]
            position += len(text)
            if new:
                write(new)
        return max(seen, position)

    def _ended(self, id_: str) -> Job:
        """Wait up to 5 s for the state to change after the end of a log."""
        end = time.monotonic() + 5
        while not (job := self.find(id_)).is_over and time.monotonic() < end:
            time.sleep(0.25)
        return job

    def stop(self, id_: str) -> Job:
        """Stop a job: send SIGTERM, and SIGKILL after ``STOP_SECONDS``.

        Args:
            id_: The job's id.

        Returns:
            The ended job; it may have ended before.

        Raises:
            BadInputError: If there is no such job, or it does not end.
        """
        job = self.find(id_)
        if job.is_over:
            return job
        self._client.stop_job(id_)
        end = time.monotonic() + STOP_SECONDS + 15
        while not (job := self.find(id_)).is_over:
            if time.monotonic() > end:
                raise BadInputError("a stopped job must end", f"{id_} is still {job.state}", self._address)
            time.sleep(0.25)
        return job


def connect_jobs(address: str) -> Jobs:
    """Connect to a cluster's job server; see :func:`connect_dashboard` for the address and its errors."""
    return Jobs(connect_dashboard(address), address)


def _job(details: Any) -> Job:
    metadata: dict[str, str] = details.metadata or {}
    return Job(
        id=details.submission_id,
        search=metadata.get(_SEARCH, ""),
        home=metadata.get(_HOME, ""),
        state=str(getattr(details.status, "value", details.status)),
        started=details.start_time / 1000 if details.start_time else None,
        ended=details.end_time / 1000 if details.end_time else None,
        message=details.message or "",
        exit_status=details.driver_exit_code,
    )


def _number(id_: str, search: str) -> int:
    name, _, number = id_.rpartition("-")
    return int(number) if name == search and number.isdecimal() else 0
