"""The command line: its commands, exit statuses and error messages."""

import json
import sys
import traceback
from collections.abc import Mapping
from importlib.metadata import version
from typing import Annotated, Any

import typer
from rich.markup import escape
from typer.exceptions import TyperException

from data_prep.errors import BadInputError
from tunesmith.commands import (
    cluster,
    data,
    doctor,
    models,
    promote,
    reproduce,
    score,
    search,
    trial,
    ui,
)
from tunesmith.commands.listen import app as listen
from tunesmith.commands.music import compose, memorise, perform
from tunesmith.commands.results import report, searches, trials
from tunesmith.console import err, replace_unencodable
from tunesmith.program import command, set_home
from tunesmith.proxies import bypass_proxies_locally
from tunesmith.remedies import error_line, error_parts

INTERRUPTED = 130
BAD_INPUT = 2
FAILED = 1

app = typer.Typer(
    name="tunesmith",
    help="Find the best small music model for a corpus, and make music with it.\n\n"
    "Start with: tunesmith search composer",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for function in (search.search, trials.trials, trials.show, trial.trial, promote.promote, models.models):
    app.command()(function)
app.command()(searches.searches)
app.command()(report.report)
app.command()(reproduce.reproduce)
for function in (models.rollback, models.export, score.score, compose.compose, perform.perform, memorise.memorise):
    app.command()(function)
app.add_typer(data.app, name="data")
app.add_typer(listen.app, name="listen")
app.add_typer(cluster.app, name="cluster")
app.command()(doctor.doctor)
app.command()(ui.ui)


def _print_version(requested: bool) -> None:
    if requested:
        typer.echo(f"tunesmith {version('tunesmith')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Handle the options before the command."""


def main() -> None:
    """Run the command line; the exit status is 0 on success, 2 for bad input, 130 if interrupted, else 1."""
    bypass_proxies_locally()
    replace_unencodable()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command, and print any error as one line.

    Args:
        arguments: The arguments after the program's name. ``--debug`` anywhere also prints tracebacks; with ``--json``,
            errors are lines of JSON.

    Returns:
        The exit status.
    """
    debug, as_json = "--debug" in arguments, "--json" in arguments
    set_home(None)
    try:
        words = [argument for argument in arguments if argument != "--debug"]
        return int(app(args=words, standalone_mode=False, prog_name="tunesmith") or 0)
    except (typer.Abort, KeyboardInterrupt):
        err.print("stopped")
        return INTERRUPTED
    except TyperException as error:
        if message := error.format_message():  # empty if the help was printed instead
            context: Any = getattr(error, "ctx", None)  # only errors about a command have a context
            path: list[str] = context.command_path.split()[1:] if context else []
            _print_error(f"{message} ({command(*path, '--help')})", {"rule": message}, BAD_INPUT, as_json=as_json)
        return BAD_INPUT
    except Exception as error:  # noqa: BLE001  (every error becomes one line)
        if debug:
            traceback.print_exc()
        status = BAD_INPUT if isinstance(error, BadInputError) else FAILED
        _print_error(error_line(error), error_parts(error), status, as_json=as_json)
        return status


def _print_error(line: str, parts: Mapping[str, str], status: int, *, as_json: bool) -> None:
    """Print an error as one line of text, or of JSON, which is the last line on standard error."""
    if as_json:
        sys.stderr.write(json.dumps({"error": line, **parts, "status": status}) + "\n")
    else:
        err.print(f"[red]error:[/] {escape(line)}", soft_wrap=True, highlight=False, markup=True)
