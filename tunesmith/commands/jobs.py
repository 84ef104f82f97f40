"""``tunesmith cluster submit``, ``follow``, ``stop`` and ``jobs``: searches as jobs on a cluster."""

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.console import err, new_table, out, print_json
from tunesmith.figures import byte_size
from tunesmith.options import AsJson, read_settings
from tunesmith.program import command

if TYPE_CHECKING:
    from cluster.launch.jobs import Job, Jobs
    from cluster.launch.parcel import Parcel

Dashboard = Annotated[
    str,
    typer.Option(
        "--address", envvar="RAY_API_SERVER_ADDRESS", help="URL of the head's dashboard.", metavar="http://HEAD:8265"
    ),
]
JobName = Annotated[str, typer.Argument(help="A job listed by 'tunesmith cluster jobs'.", metavar="JOB")]

_ENTRYPOINT = "from tunesmith.cli import main; main()"
_HOME = "~/tunesmith"
_NOT_FOR_JOBS = {"--address", "--home", "--print", "--dry-run"}


def submit(
    what: Annotated[str, typer.Argument(help="A search file, or a family's built-in search.", metavar="FILE.toml")],
    address: Dashboard,
    home: Annotated[str, typer.Option("--home", help="Home folder on the cluster's head.", metavar="DIR")] = _HOME,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow the job's output.")] = False,
    options: Annotated[
        list[str] | None,
        typer.Argument(help="Options of 'tunesmith search', after --.", metavar="[-- OPTIONS]", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a search as a job on a cluster's head, and follow its output. The job keeps running when you detach.

    A corpus folder on this machine is uploaded. An absolute path that does not
    exist here is taken as a path on the head.

    Examples:
        tunesmith cluster submit my-search.toml --address http://localhost:8265

        tunesmith cluster submit composer --address http://localhost:8265 --detach -- --trials 500 --time 2h
    """
    from cluster.launch.jobs import connect_jobs
    from cluster.launch.parcel import packed

    submission = _submission(what, home, options or [])
    with packed(file=submission.file, corpus=submission.corpus) as parcel:
        jobs = connect_jobs(address)
        if parcel.num_files:
            err.print(f"uploading {counted(parcel.num_files, 'file')} of {byte_size(parcel.size)} and the code")
        job = jobs.submit(_entrypoint(submission, parcel), parcel.folder, search=submission.name, home=home)
    if detach:
        print_json(_row(job)) if as_json else _print_how_to_follow(job, address)
        return
    err.print(f"the job {job.id} runs {job.search} (Ctrl-C detaches; the job keeps running)", markup=False)
    _follow(jobs, job.id, address)


def follow(job: JobName, address: Dashboard) -> None:
    """Show the output of a job from the beginning until it ends, and exit with its exit status.

    Ctrl-C detaches; the job keeps running.
    """
    from cluster.launch.jobs import connect_jobs

    _follow(connect_jobs(address), job, address)


def stop(job: JobName, address: Dashboard, as_json: AsJson = False) -> None:
    """Stop a job. Its search stops cleanly, and resumes when it is submitted again."""
    from cluster.launch.jobs import connect_jobs

    with err.status(f"stopping {job} ..."):
        stopped = connect_jobs(address).stop(job)
    if as_json:
        print_json(_row(stopped))
    else:
        out.print(f"{stopped.id}: {stopped.state.lower()}", markup=False)


def list_jobs(address: Dashboard, as_json: AsJson = False) -> None:
    """List the jobs of a cluster, newest first."""
    from cluster.launch.jobs import connect_jobs

    jobs = connect_jobs(address).list()
    if as_json:
        print_json([_row(job) for job in jobs])
    elif jobs:
        _print_jobs(jobs)
    else:
        out.print(f"no job was submitted to {address}", markup=False)


@dataclass(frozen=True)
class _Submission:
    """A search to submit, which was checked on this machine."""

    what: str
    file: Path | None
    name: str
    home: str
    corpus: Path | None
    column: str
    options: list[str]


def _submission(what: str, home: str, options: list[str]) -> _Submission:
    from models.families import FAMILIES
    from search.spec.file import load
    from tunesmith.searching.chosen import overrides

    values = _parsed(what, options)
    for name in sorted(_NOT_FOR_JOBS & {option.partition("=")[0] for option in options}):
        raise BadInputError("options after -- must apply to a search that runs on the head", f"got {name}")
    if what not in FAMILIES and not Path(what).is_file():
        raise BadInputError("only a search file or a family can be submitted", f"there is no file {what!r}")
    if not home.startswith(("/", "~")):
        raise BadInputError("the home of a job is an absolute path on the head, or starts with ~", f"got {home!r}")
    spec = load(what, overrides=overrides({**values, "settings": read_settings(values["settings"] or ())}))
    _check_no_password(spec.study.url, "[study] url")
    _check_no_password(spec.tracking.uri, "[tracking] uri")
    corpus, column = _uploaded_corpus(spec.data.corpus)
    return _Submission(what, None if what in FAMILIES else Path(what), spec.name, home, corpus, column, options)


def _parsed(what: str, options: list[str]) -> dict[str, Any]:
    """Parse options like 'tunesmith search'."""
    from typer.main import get_command

    from tunesmith.commands.search import search

    app = typer.Typer(add_completion=False)
    app.command()(search)
    return get_command(app).make_context("tunesmith search", [what, *options]).params


def _check_no_password(url: str, key: str) -> None:
    from search.passwords import without_password

    if url != (shown := without_password(url)):
        raise BadInputError(
            "the search file of a job must not contain a password, since every user of the cluster can read it",
            f"{shown!r} contains one",
            key,
            "put it into PGPASSWORD or ~/.pgpass on the head node",
        )


def _uploaded_corpus(name: str) -> tuple[Path | None, str]:
    """Return the folder of a corpus to upload (None if there is none), and the column of styles in its index."""
    from data_prep.corpora.named import corpora, resolve

    if name in corpora() or (name.startswith("/") and not Path(name.rpartition(":")[0] or name).exists()):
        return None, ""
    corpus = resolve(name)
    return corpus.folder, corpus.style_column or ""


def _entrypoint(submission: _Submission, parcel: "Parcel") -> list[str]:
    words = ["python", "-c", _ENTRYPOINT, "search", parcel.file or submission.what, *submission.options]
    if parcel.corpus:
        words += ["--corpus", f"{parcel.corpus}:{submission.column}" if submission.column else parcel.corpus]
    return [*words, "--address", "auto", "--home", submission.home]


def _follow(jobs: "Jobs", id_: str, address: str) -> None:
    try:
        ended = jobs.follow(id_, _write)
    except KeyboardInterrupt:
        err.print()
        _print_how_to_follow(jobs.find(id_), address)
        raise typer.Exit from None
    err.print(f"{ended.id}: {ended.state.lower()}", markup=False)
    raise typer.Exit(ended.status)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _print_how_to_follow(job: "Job", address: str) -> None:
    out.print(f"the job {job.id} runs {job.search} on the cluster. To follow or stop it:", markup=False)
    for action in ("follow", "stop"):
        out.print(f"  {command('cluster', action, job.id, '--address', address)}", markup=False, soft_wrap=True)


def _row(job: "Job") -> dict[str, Any]:
    return {
        "job": job.id,
        "search": job.search,
        "home": job.home,
        "state": job.state,
        "started": _time(job.started),
        "ended": _time(job.ended),
        "exit_status": job.exit_status,
    }


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _print_jobs(jobs: "list[Job]") -> None:
    table = new_table("job", "state", "search", "home", "started", "ended")
    for job in jobs:
        times = [
            f"{datetime.fromtimestamp(time, UTC).astimezone():%Y-%m-%d %H:%M}" if time else ""
            for time in (job.started, job.ended)
        ]
        style = "red" if job.state == "FAILED" else None
        table.add_row(*map(escape, (job.id, job.state.lower(), job.search, job.home)), *times, style=style)
    out.print(table, crop=False)
