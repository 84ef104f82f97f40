"""``tunesmith cluster``: launch files, Ray's cluster launcher, and jobs."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from data_prep.errors import BadInputError
from tunesmith.commands import jobs
from tunesmith.console import new_table, out, print_json
from tunesmith.options import AsJson, Force

if TYPE_CHECKING:
    from cluster.usage import Usage

app = typer.Typer(help="Start a cluster, and run searches on it.", no_args_is_help=True)

LaunchFile = Annotated[Path, typer.Argument(help="A launch file of Ray's cluster launcher.", metavar="FILE.yaml")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


@app.command()
def init(
    kind: Annotated[str, typer.Argument(help="aws, gcp, kuberay, slurm, on-prem or docker.", metavar="KIND")],
    output: Annotated[Path, typer.Option("--out", help="Folder for the files.", metavar="DIR")] = Path(),
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Write commented launch files for a cluster, with the package versions that are installed here.

    Examples:
        tunesmith cluster init aws --out my-cluster/
    """
    from cluster.launch.files import find_kind, unfilled_lines, write
    from tunesmith.remedies import command_for

    chosen = find_kind(kind)
    written = write(chosen, output, overwrite=force)
    unfilled = [(path, number, line) for path in written for number, line in unfilled_lines(path)]
    steps = [step if isinstance(step, str) else command_for(step) for step in chosen.next]
    if as_json:
        to_fill_in = [{"file": str(path), "line": number, "text": line} for path, number, line in unfilled]
        print_json({"files": [str(path) for path in written], "fill_in": to_fill_in, "next": steps})
        return
    for path in written:
        out.print(str(path), markup=False, soft_wrap=True)
    if unfilled:
        out.print("fill in:")
        for path, number, line in unfilled:
            out.print(f"  {path}:{number}: {line}", markup=False, soft_wrap=True)
    out.print("then:" if output == Path() else f"then, in {output}:", markup=False)
    for step in steps:
        out.print(f"  {step}", markup=False, soft_wrap=True)


@app.command()
def up(file: LaunchFile, yes: Yes = False) -> None:
    """Start a cluster, or apply changes of its launch file, with Ray's cluster launcher, after confirmation."""
    from cluster.launch.ray_launcher import launch

    raise typer.Exit(launch("up", file, yes=yes))


@app.command()
def down(file: LaunchFile, yes: Yes = False) -> None:
    """Stop all machines of a cluster with Ray's cluster launcher, after confirmation."""
    from cluster.launch.ray_launcher import launch

    raise typer.Exit(launch("down", file, yes=yes))


@app.command()
def status(
    file: Annotated[
        Path | None, typer.Argument(help="A launch file; the head is queried over SSH.", metavar="FILE.yaml")
    ] = None,
    address: Annotated[
        str | None,
        typer.Option(
            "--address",
            help="The head's address instead of a file; works only on a node of the cluster.",
            metavar="HOST:PORT",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the machines of a cluster, and the CPUs and GPUs in use.

    Examples:
        tunesmith cluster status aws.yaml

        tunesmith cluster status --address 10.0.0.5:6379
    """
    if (file is None) == (address is None):
        raise BadInputError("a cluster is named by its launch file or by --address", "got both" if file else "got none")
    if file is not None:
        from cluster.launch.ray_launcher import launch

        if as_json:
            raise BadInputError("--json requires --address", "for a launch file, Ray prints the status as text")
        raise typer.Exit(launch("status", file))
    from cluster.session import connect
    from cluster.usage import usage

    with connect(address):
        machines = usage()
    if as_json:
        print_json([{**asdict(used.node), "cpus_used": used.cpus, "gpus_used": used.gpus} for used in machines])
    else:
        _print_usage(machines)


app.command()(jobs.submit)
app.command()(jobs.follow)
app.command()(jobs.stop)
app.command("jobs")(jobs.list_jobs)


def _print_usage(machines: "list[Usage]") -> None:
    table = new_table("machine")
    for title in ("CPUs", "in use", "GPUs", "in use"):
        table.add_column(title, no_wrap=True, justify="right")
    table.add_column("kind", no_wrap=True)
    rows = [(used.node.cpus, used.cpus, used.node.gpus, used.gpus) for used in machines]
    for used, row in zip(machines, rows, strict=True):
        table.add_row(escape(used.node.address), *(f"{number:g}" for number in row), escape(used.node.gpu_kind))
    sums = (sum(column) for column in zip(*rows, strict=True))
    table.add_row(f"{len(machines)} in total", *(f"{number:g}" for number in sums), style="bold")
    out.print(table, crop=False)
