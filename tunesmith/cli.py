"""The command line: its commands, its exit statuses, and how it prints errors."""

import errno
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.exceptions import TyperException

from data_prep.errors import BadInputError
from tunesmith.commands import cluster as cluster_commands
from tunesmith.commands import compose as compose_command
from tunesmith.commands import data as data_commands
from tunesmith.commands import doctor as doctor_command
from tunesmith.commands import memorise as memorise_command
from tunesmith.commands import models as model_commands
from tunesmith.commands import perform as perform_command
from tunesmith.commands import promote as promote_command
from tunesmith.commands import score as score_command
from tunesmith.commands import search as search_commands
from tunesmith.commands import trial as trial_command
from tunesmith.commands import ui as ui_command
from tunesmith.console import err, replace_unencodable
from tunesmith.program import command, set_home
from tunesmith.proxies import bypass_proxies_locally
from tunesmith.remedies import in_words

INTERRUPTED = 130
BAD_INPUT = 2
FAILED = 1

app = typer.Typer(
    name="tunesmith",
    help="Find the best small music model for a corpus, and make music with it.\n\n"
    "Start with: tunesmith search composer",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("search")(search_commands.search)
app.command("trials")(search_commands.trials)
app.command("show")(search_commands.show)
app.command("trial")(trial_command.trial)
app.command("promote")(promote_command.promote)
app.command("models")(model_commands.models)
app.command("rollback")(model_commands.rollback)
app.command("export")(model_commands.export)
app.command("score")(score_command.score)
app.command("compose")(compose_command.compose)
app.command("perform")(perform_command.perform)
app.command("memorise")(memorise_command.memorise)
app.add_typer(data_commands.app, name="data")
app.add_typer(cluster_commands.app, name="cluster")
app.command("doctor")(doctor_command.doctor)
app.command("ui")(ui_command.ui)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tunesmith {version('tunesmith')}")
        raise typer.Exit


@app.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
    _debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks of errors.")] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line; the exit status is 0 on success, 2 for bad input, 130 if interrupted, else 1."""
    bypass_proxies_locally()
    replace_unencodable()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command, and print any error as one line.

    Args:
        arguments: The arguments after the program's name. ``--debug`` may be anywhere; it prints tracebacks too.

    Returns:
        The exit status.
    """
    debug = "--debug" in arguments
    words = [argument for argument in arguments if argument != "--debug"]
    set_home(None)
    try:
        return int(app(args=words, standalone_mode=False, prog_name="tunesmith") or 0)
    except (typer.Abort, KeyboardInterrupt):
        err.print("stopped")
        return INTERRUPTED
    except TyperException as error:
        if message := error.format_message():  # empty where the help was printed instead
            context: Any = getattr(error, "ctx", None)  # only errors about one command have one
            path: list[str] = context.command_path.split()[1:] if context else []
            err.print(f"error: {message} ({command(*path, '--help')})", markup=False, soft_wrap=True)
        return BAD_INPUT
    except Exception as error:  # noqa: BLE001  (every error becomes one line)
        if debug:
            traceback.print_exc()
        err.print(f"[red]error:[/] {_one_line(error)}", soft_wrap=True, highlight=False, markup=True)
        return BAD_INPUT if isinstance(error, BadInputError) else FAILED


def _one_line(error: Exception) -> str:
    from rich.markup import escape

    if isinstance(error, BadInputError):
        return escape(in_words(error))
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full: {escape(str(error.filename or ''))}; free some space, then run the command again"
    if isinstance(error, OSError) and error.strerror:
        return escape(f"{error.strerror}: {error.filename or ''}")
    text = " ".join(str(error).split())[:300]
    return escape(f"unexpected {type(error).__name__}: {text} (run again with --debug for the traceback)")
