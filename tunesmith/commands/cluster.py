"""``tunesmith cluster``: launch files, Ray's launcher, and searches as jobs of a cluster."""

import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.console import err, out, print_json
from tunesmith.options import AsJson, Force

if TYPE_CHECKING:
    from cluster.launch.jobs import Job, Jobs
    from cluster.launch.parcel import Parcel
    from cluster.usage import Usage

app = typer.Typer(help="Start a cluster, and run searches on it.", no_args_is_help=True)

LaunchFile = Annotated[Path, typer.Argument(help="A launch file of Ray's cluster launcher.", metavar="FILE.yaml")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before machines are started or ended.")]
Dashboard = Annotated[
    str,
    typer.Option(
        "--address", envvar="RAY_API_SERVER_ADDRESS", help="The head's dashboard.", metavar="http://HEAD:8265"
    ),
]
JobName = Annotated[str, typer.Argument(help="A job, as 'tunesmith cluster jobs' lists it.", metavar="JOB")]

_STARTED_BY = "from tunesmith.cli import main; main()"
_HOME = "~/tunesmith"
_NOT_A_JOBS = {"--address", "--home", "--print", "--dry-run"}


@app.command()
def init(
    kind: Annotated[str, typer.Argument(help="aws, gcp, kuberay, slurm, on-prem or docker.", metavar="KIND")],
    output: Annotated[Path, typer.Option("--out", help="Where the files go.", metavar="DIR")] = Path(),
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write the launch files of a cluster, with the versions that are installed here. They explain themselves.

    Examples:
        tunesmith cluster init aws --out my-cluster/
    """
    from cluster.launch.files import find_kind, open_places, write

    chosen = find_kind(kind)
    written = write(chosen, output, overwrite=force)
    places = [(path, number, line) for path in written for number, line in open_places(path)]
    if as_json:
        to_fill_in = [{"file": str(path), "line": number, "text": line} for path, number, line in places]
        print_json({"files": [str(path) for path in written], "fill_in": to_fill_in, "next": chosen.next})
        return
    for path in written:
        out.print(str(path), markup=False, soft_wrap=True)
    if places:
        out.print("to be filled in:")
        for path, number, line in places:
            out.print(f"  {path}:{number}: {line}", markup=False, soft_wrap=True)
    out.print("then:" if output == Path() else f"then, in {output}:", markup=False)
    for command in chosen.next:
        out.print(f"  {command}", markup=False, soft_wrap=True)


@app.command()
def up(file: LaunchFile, yes: Yes = False) -> None:
    """Start a cluster, or change it to what the file says now: Ray's own launcher does it, and asks first."""
    from cluster.launch.ray_launcher import launch

    raise typer.Exit(launch("up", file, yes=yes))


@app.command()
def down(file: LaunchFile, yes: Yes = False) -> None:
    """End a cluster and all its machines: Ray's own launcher does it, and asks first."""
    from cluster.launch.ray_launcher import launch

    raise typer.Exit(launch("down", file, yes=yes))


@app.command()
def status(
    file: Annotated[
        Path | None, typer.Argument(help="A launch file; the head is asked through SSH.", metavar="FILE.yaml")
    ] = None,
    address: Annotated[
        str | None, typer.Option("--address", help="Or the head's address, from one of its nodes.", metavar="HOST:PORT")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say which machines a cluster has, and what of them is in use.

    Examples:
        tunesmith cluster status aws.yaml

        tunesmith cluster status --address 10.0.0.5:6379
    """
    if (file is None) == (address is None):
        raise BadInputError("a cluster is named by its launch file, or by --address: give one of them")
    if file is not None:
        from cluster.launch.ray_launcher import launch

        if as_json:
            raise BadInputError("--json goes with --address: what Ray says of a launch file's cluster is text")
        raise typer.Exit(launch("status", file))
    from cluster.session import connect
    from cluster.usage import usage

    with connect(address):
        found = usage()
    if as_json:
        print_json([{**asdict(one.node), "cpus_used": one.cpus, "gpus_used": one.gpus} for one in found])
    else:
        _print_usage(found)


@app.command()
def submit(
    what: Annotated[str, typer.Argument(help="A search file, or a family (built-in search).", metavar="FILE.toml")],
    address: Dashboard,
    home: Annotated[
        str, typer.Option("--home", help="Folder of all state, on the cluster's head.", metavar="DIR")
    ] = _HOME,
    detach: Annotated[bool, typer.Option("--detach", help="Do not follow it.")] = False,
    options: Annotated[
        list[str] | None,
        typer.Argument(help="After --: options of 'tunesmith search'.", metavar="[-- OPTIONS]", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a search on a cluster as a job of its head, which goes on whether or not it is followed.

    A corpus folder that lies here travels along; one with an absolute path that is not here is looked for on the head.

    Examples:
        tunesmith cluster submit my-search.toml --address http://localhost:8265

        tunesmith cluster submit composer --address http://localhost:8265 --detach -- --trials 500 --time 2h
    """
    from cluster.launch.jobs import connect_jobs
    from cluster.launch.parcel import packed

    wanted = _wanted(what, home, options or [])
    with packed(file=wanted.file, corpus=wanted.corpus) as parcel:
        jobs = connect_jobs(address)
        if parcel.num_files:
            size = f"{parcel.size / 2**20:.1f} MiB" if parcel.size >= 2**20 else f"{parcel.size / 2**10:.1f} KiB"
            err.print(f"{counted(parcel.num_files, 'file')} of {size} and the code travel along")
        job = jobs.submit(_entrypoint(wanted, parcel), parcel.folder, search=wanted.name, home=home)
    if detach:
        print_json(_row(job)) if as_json else _say_where_it_is(job, address)
        return
    err.print(f"the job {job.id} runs {job.search} (Ctrl-C leaves it to itself)", markup=False)
    _follow(jobs, job.id, address)


@app.command()
def follow(job: JobName, address: Dashboard) -> None:
    """Show what a job prints, from its beginning to its end; the exit status is the job's. Ctrl-C only looks away."""
    from cluster.launch.jobs import connect_jobs

    _follow(connect_jobs(address), job, address)


@app.command()
def stop(job: JobName, address: Dashboard, as_json: AsJson = False) -> None:
    """End a job: its search ends cleanly, and goes on where it stopped when it is submitted again."""
    from cluster.launch.jobs import connect_jobs

    with err.status(f"{job} is given time to end ..."):
        stopped = connect_jobs(address).stop(job)
    if as_json:
        print_json(_row(stopped))
    else:
        out.print(f"{stopped.id}: {stopped.state.lower()}", markup=False)


@app.command("jobs")
def list_jobs(address: Dashboard, as_json: AsJson = False) -> None:
    """List the jobs of a cluster, the newest first."""
    from cluster.launch.jobs import connect_jobs

    found = connect_jobs(address).list()
    if as_json:
        print_json([_row(job) for job in found])
    elif found:
        _print_jobs(found)
    else:
        out.print(f"no job was submitted to {address}", markup=False)


@dataclass(frozen=True)
class _Wanted:
    """A search to be submitted: checked here, so that nothing wrong is found out on the cluster alone."""

    what: str
    file: Path | None
    name: str
    home: str
    corpus: Path | None
    column: str
    options: list[str]


def _wanted(what: str, home: str, options: list[str]) -> _Wanted:
    from models.families import FAMILIES
    from search.spec.file import load
    from tunesmith.searching.chosen import overrides

    given = _read_options(what, options)
    for name in sorted(_NOT_A_JOBS & {option.partition("=")[0] for option in options}):
        raise BadInputError(f"{name} does not go behind --: where a job runs, and that it runs, is said before it")
    if what not in FAMILIES and not Path(what).is_file():
        raise BadInputError(f"a search that is submitted is a search file or a family: there is no file {what!r}")
    if not home.startswith(("/", "~")):
        raise BadInputError(f"the home folder of a job is an absolute path on the head, or begins with ~: got {home!r}")
    spec = load(what, overrides=overrides(given))
    _refuse_passwords(spec.study.url, "[study] url")
    _refuse_passwords(spec.tracking.uri, "[tracking] uri")
    corpus, column = _travelling_corpus(spec.data.corpus)
    return _Wanted(what, None if what in FAMILIES else Path(what), spec.name, home, corpus, column, options)


def _read_options(what: str, options: list[str]) -> dict[str, Any]:
    """Read the search's own options as 'tunesmith search' does."""
    from typer.main import get_command

    from tunesmith.commands.search import search

    alone = typer.Typer(add_completion=False)
    alone.command("search")(search)
    return get_command(alone).make_context("tunesmith search", [what, *options]).params


def _refuse_passwords(url: str, place: str) -> None:
    from search.passwords import without_password

    if url != (shown := without_password(url)):
        raise BadInputError(
            f"a job's file has no password, for everybody on the cluster can read it: {place} = {shown!r} had one; "
            "put it into PGPASSWORD or ~/.pgpass on the head"
        )


def _travelling_corpus(name: str) -> tuple[Path | None, str]:
    """Give the corpus folder that lies here, and the column of its index that is named behind it."""
    from data_prep.corpora.named import corpora, resolve

    if name in corpora() or (name.startswith("/") and not Path(name.rpartition(":")[0] or name).exists()):
        return None, ""  # on the head
    corpus = resolve(name)
    return corpus.folder, corpus.style_column or ""


def _entrypoint(wanted: _Wanted, parcel: "Parcel") -> list[str]:
    command = ["python", "-c", _STARTED_BY, "search", parcel.file or wanted.what, *wanted.options]
    if parcel.corpus:
        command += ["--corpus", f"{parcel.corpus}:{wanted.column}" if wanted.column else parcel.corpus]
    return [*command, "--address", "auto", "--home", wanted.home]


def _follow(jobs: "Jobs", id_: str, address: str) -> None:
    try:
        ended = jobs.follow(id_, _write)
    except KeyboardInterrupt:
        err.print()
        _say_where_it_is(jobs.find(id_), address)
        raise typer.Exit from None
    err.print(f"{ended.id}: {ended.state.lower()}", markup=False)
    raise typer.Exit(ended.status)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _say_where_it_is(job: "Job", address: str) -> None:
    out.print(f"the job {job.id} runs {job.search} on the cluster. To watch it, or to end it:", markup=False)
    out.print(f"  tunesmith cluster follow {job.id} --address {address}", markup=False, soft_wrap=True)
    out.print(f"  tunesmith cluster stop {job.id} --address {address}", markup=False, soft_wrap=True)


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


def _print_jobs(found: "list[Job]") -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("job", "state", "search", "home", "started", "ended"):
        table.add_column(title, no_wrap=True)
    for job in found:
        times = [
            f"{datetime.fromtimestamp(time, UTC).astimezone():%Y-%m-%d %H:%M}" if time else ""
            for time in (job.started, job.ended)
        ]
        style = "red" if job.state == "FAILED" else None
        table.add_row(*map(escape, (job.id, job.state.lower(), job.search, job.home)), *times, style=style)
    out.print(table, crop=False)


def _print_usage(found: "list[Usage]") -> None:
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("machine", no_wrap=True)
    for title in ("CPUs", "in use", "GPUs", "in use"):
        table.add_column(title, no_wrap=True, justify="right")
    table.add_column("kind", no_wrap=True)
    for one in found:
        numbers = (one.node.cpus, one.cpus, one.node.gpus, one.gpus)
        table.add_row(escape(one.node.address), *(f"{number:g}" for number in numbers), escape(one.node.gpu_kind))
    sums = [sum(each) for each in zip(*((o.node.cpus, o.cpus, o.node.gpus, o.gpus) for o in found), strict=True)]
    table.add_row(f"{len(found)} in all", *(f"{number:g}" for number in sums), style="bold")
    out.print(table, crop=False)
