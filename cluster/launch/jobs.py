"""Searches as jobs of a cluster: submitted over HTTP, they run on its head whether or not anybody watches."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import logging
import os
import shlex
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from cluster.session import PACKAGES, quieten
from data_prep.errors import BadInputError, unknown

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

STOP_SECONDS = 20
"""Between SIGTERM and SIGKILL when a job is stopped: a search ends within 10 seconds, Ray's own default is 3."""

_SEARCH = "tunesmith_search"
_HOME = "tunesmith_home"
_NO_AGENT = "No available agent"
"""What a head says that has only just started: its agent takes jobs some seconds after its dashboard answers."""
_AGENT_SECONDS = 60
_ENDED = {"SUCCEEDED", "FAILED", "STOPPED"}
_INTERRUPTED = 130
_TALKATIVE = (
    "ray._private.authentication.http_token_authentication",
    "ray._private.runtime_env.packaging",
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
)
_RECONNECTIONS = 30
_GIVE_IT = (
    "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN to what 'ray get-auth-token' prints on the head, or put that into "
    "~/.ray/auth_token"
)


@dataclass(frozen=True)
class Job:
    """A job as the cluster knows it.

    Attributes:
        id: Its name on this cluster.
        search: The search that it runs; empty for a job of somebody else's.
        home: The home folder of that search, on the cluster.
        state: PENDING, RUNNING, SUCCEEDED, FAILED or STOPPED.
        started: When, in seconds since 1970; None if it has not.
        ended: When; None if it has not.
        message: What the cluster says about its state.
        exit_status: The exit status of its process, if that has ended by itself.
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
        """Whether it has ended."""
        return self.state in _ENDED

    @property
    def status(self) -> int:
        """What a command exits with that waited for it: that of the job's process; 130 if it was stopped."""
        if self.state == "STOPPED":
            return _INTERRUPTED
        return self.exit_status or int(self.state != "SUCCEEDED")


class Jobs:
    """The jobs of one cluster."""

    def __init__(self, client: "JobSubmissionClient", address: str) -> None:
        """Speak for a cluster's job server (see :func:`connect_jobs`)."""
        self._client = client
        self._address = address

    def submit(self, entrypoint: Sequence[str], folder: Path, *, search: str, home: str) -> Job:
        """Start a search as a job.

        Args:
            entrypoint: The command, word by word; it runs in a copy of the folder, with our packages as they are here.
            folder: What travels along.
            search: The search's name.
            home: Its home folder on the cluster.

        Returns:
            The job.

        Raises:
            BadInputError: If a job runs this search already, or the cluster refuses it.
        """
        jobs = self.list()
        for job in jobs:
            if (job.search, job.home) == (search, home) and not job.is_over:
                raise BadInputError(
                    f"a search runs once at a time: {search} in {home} is run by the job {job.id}; "
                    f"see 'tunesmith cluster follow {job.id}' or 'tunesmith cluster stop {job.id}'"
                )
        # The number makes the id the same for whoever submits at this moment: Ray takes only one of them.
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
                    entrypoint=f"exec {shlex.join(entrypoint)}",  # no shell between a signal and the search
                    submission_id=id_,
                    runtime_env=environment,
                    metadata={_SEARCH: search, _HOME: home},
                )
                return self.find(id_)
            except RuntimeError as error:
                if _NO_AGENT not in str(error) or time.monotonic() > end:
                    raise BadInputError(f"the cluster at {self._address} must take the job: {_reason(error)}") from None
                time.sleep(1)

    def list(self) -> list[Job]:
        """Give all jobs that were submitted, the newest first."""
        found = [_job(details) for details in self._client.list_jobs() if details.submission_id]
        return sorted(found, key=lambda job: (job.started or 0.0, job.id), reverse=True)

    def find(self, id_: str) -> Job:
        """Give a job by its id.

        Args:
            id_: As :meth:`submit` gave it.

        Returns:
            The job as it is now.

        Raises:
            BadInputError: If there is none.
        """
        for job in (jobs := self.list()):
            if job.id == id_:
                return job
        if not jobs:
            raise BadInputError(f"no job is called {id_!r}: none was submitted to {self._address}")
        raise unknown("job", id_, [job.id for job in jobs], self._address)

    def follow(self, id_: str, write: Callable[[str], object]) -> Job:
        """Hand on what a job prints, from its beginning, until it ends; a broken connection is made again.

        Args:
            id_: Its id.
            write: Called with each piece of text.

        Returns:
            The job, ended.

        Raises:
            BadInputError: If there is none of that id, or the cluster does not answer any more.
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
            except (OSError, RuntimeError) as error:  # what a server that went away looks like
                if isinstance(error, BadInputError):
                    raise
                continue
            if job.is_over:
                return job
        raise BadInputError(
            f"the cluster at {self._address} must answer while a job is followed, and does not any more; "
            f"the job goes on if its head does: 'tunesmith cluster follow {id_}'"
        )

    async def _tail(self, id_: str, seen: int, write: Callable[[str], object]) -> int:
        """Pass on the log after its first ``seen`` characters; give how many there are in all."""
        position = 0
        async for text in self._client.tail_job_logs(id_):
            new = text[max(0, seen - position) :]
            position += len(text)
            if new:
                write(new)
        return max(seen, position)

    def _ended(self, id_: str) -> Job:
        """Wait a moment for the state that follows the end of a log."""
        end = time.monotonic() + 5
        while not (job := self.find(id_)).is_over and time.monotonic() < end:
            time.sleep(0.25)
        return job

    def stop(self, id_: str) -> Job:
        """End a job: SIGTERM, time enough for a search to end cleanly, and only then SIGKILL.

        Args:
            id_: Its id.

        Returns:
            The job, ended; it may have been so before.

        Raises:
            BadInputError: If there is none of that id, or it does not end.
        """
        job = self.find(id_)
        if job.is_over:
            return job
        self._client.stop_job(id_)
        end = time.monotonic() + STOP_SECONDS + 15
        while not (job := self.find(id_)).is_over:
            if time.monotonic() > end:
                raise BadInputError(f"a job that is stopped must end: {id_} is still {job.state} on {self._address}")
            time.sleep(0.25)
        return job


def connect_jobs(address: str) -> Jobs:
    """Connect to a cluster's job server, which is part of its dashboard.

    Args:
        address: As http://head:8265.

    Returns:
        Its jobs.

    Raises:
        BadInputError: If it is no such address, nothing answers there, or it wants a token.
    """
    _check_address(address)
    _check_token_file()
    quieten()
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        os.environ.pop(name, None)  # Ray would go there instead
    from ray.exceptions import AuthenticationError  # noqa: PLC0415  (after the environment that it reads)
    from ray.job_submission import JobSubmissionClient  # noqa: PLC0415

    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        return Jobs(JobSubmissionClient(address), address)
    except AuthenticationError as error:
        missing = "refuses the token that it was given" if "invalid" in str(error) else "wants its token"
        raise BadInputError(f"the cluster at {address} {missing}: {_GIVE_IT}") from None
    except Exception as error:  # noqa: BLE001  (whatever else answers there)
        raise BadInputError(
            f"a Ray dashboard must answer at the address: {address} does not ({_reason(error)})"
        ) from None


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise BadInputError(
            f"jobs go to the head's dashboard, as http://head:8265: got {address!r}; "
            "HOST:PORT of Ray itself is for 'tunesmith search --address'"
        )
    if parts.username or parts.password:
        raise BadInputError(f"an address bears no user or password (got one for {parts.hostname}): {_GIVE_IT}")
    try:
        with socket.create_connection((parts.hostname, port), timeout=5):
            pass
    except OSError as error:
        raise BadInputError(
            f"a Ray dashboard must answer at the address: {address} does not ({error}); 'ray dashboard FILE.yaml' or "
            "'kubectl port-forward' lays it to this machine"
        ) from None


def _check_token_file() -> None:
    """Ray ends the whole program where this file cannot be read."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if not path or os.environ.get("RAY_AUTH_TOKEN"):
        return
    try:
        empty = not Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        empty = True
    if empty:
        raise BadInputError(f"RAY_AUTH_TOKEN_PATH must name a file with the cluster's token: {path} is none")


def _job(details: Any) -> Job:
    known: dict[str, str] = details.metadata or {}
    return Job(
        id=details.submission_id,
        search=known.get(_SEARCH, ""),
        home=known.get(_HOME, ""),
        state=str(getattr(details.status, "value", details.status)),
        started=details.start_time / 1000 if details.start_time else None,
        ended=details.end_time / 1000 if details.end_time else None,
        message=details.message or "",
        exit_status=details.driver_exit_code,
    )


def _number(id_: str, search: str) -> int:
    name, _, number = id_.rpartition("-")
    return int(number) if name == search and number.isdecimal() else 0


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
