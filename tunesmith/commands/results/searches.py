"""``tunesmith searches``: list the searches of a home folder, rename one, or delete one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.console import err, out, print_json
from tunesmith.figures import byte_size
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Home
from tunesmith.program import command

if TYPE_CHECKING:
    from search.catalogue.listing import Entry


def searches(
    rename: Annotated[
        tuple[str, str] | None,
        typer.Option(
            help="Give a search another name, also in MLflow; it resumes by the new name.",
            metavar="OLD NEW",
            show_default=False,
        ),
    ] = None,
    delete: Annotated[
        str | None,
        typer.Option(
            help="Delete a search: its trials, checkpoints and trained models. Its runs are moved to MLflow's deleted "
            "stage, and registered models are kept.",
            metavar="NAME",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Delete without asking.")] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the searches of the home folder, the newest first; or rename or delete one.

    A search that is running cannot be renamed or deleted, and a search whose
    model is the champion cannot be deleted.

    Examples:
        tunesmith searches

        tunesmith searches --rename composer first-try

        tunesmith searches --delete first-try
    """
    if rename is not None and delete is not None:
        raise BadInputError("a search is renamed or deleted", "got both --rename and --delete", remedy="omit one")
    if yes and delete is None:
        raise BadInputError("--yes is for --delete", remedy="omit it, or name the search with --delete")
    folder = home_folder(home, make=False)
    if rename is not None:
        _rename(folder, *rename, as_json=as_json)
    elif delete is not None:
        _delete(folder, delete, ask=not yes, as_json=as_json)
    else:
        _list(folder, as_json=as_json)


def _list(home: Path, *, as_json: bool) -> None:
    from search.catalogue.listing import list_searches
    from tunesmith.reports.search_list import as_data, print_list

    entries = list_searches(home)
    if as_json:
        print_json([as_data(each) for each in entries])
    elif not entries:
        out.print(f"there is no search in {home} yet. To start one:", markup=False, soft_wrap=True)
        out.print(f"  {command('search', 'composer')}", markup=False, soft_wrap=True)
    else:
        print_list(entries)


def _rename(home: Path, old: str, new: str, *, as_json: bool) -> None:
    from search.catalogue.renaming import rename

    rename(home, old, new, _say)
    if as_json:
        print_json({"was": old, "name": new})
        return
    out.print(f"{old} is now called {new}, also in MLflow. To resume it:", markup=False, soft_wrap=True)
    out.print(f"  {command('search', new)}", markup=False, soft_wrap=True)


def _delete(home: Path, name: str, *, ask: bool, as_json: bool) -> None:
    from search.catalogue.deletion import delete, stored_search
    from search.catalogue.listing import entry

    stored_search(home, name)
    if ask:
        _confirm(entry(home, name))
    deleted = delete(home, name, _say)
    if as_json:
        print_json({"deleted": name, "mlflow_runs": deleted.num_runs, "left": deleted.left})
        return
    runs = counted(deleted.num_runs, "run")
    out.print(f"{name} is deleted. MLflow keeps its {runs} in the deleted stage until mlflow gc.", markup=False)
    if deleted.left is not None:
        err.print(f"some files could not be removed: {deleted.left}", markup=False, soft_wrap=True)


def _confirm(entry: "Entry") -> None:
    """Ask whether to delete a search; end the command if the answer is no."""
    from tunesmith.reports.search_list import as_data

    row = as_data(entry)
    parts = [f"{counted(row['trials'], 'trial')}, {byte_size(entry.size_bytes)}"] if entry.record else [entry.problem]
    if entry.record is not None and entry.record.spec.storage.url:
        parts.append(f"and its checkpoints in {entry.record.spec.storage.url.partition('?')[0]}")
    if not sys.stdin.isatty():
        raise BadInputError("a deletion is confirmed on a terminal", "there is none here", remedy="add --yes")
    typer.confirm(f"Delete {entry.name} ({' '.join(parts)})? This cannot be undone.", abort=True, err=True)


def _say(text: str) -> None:
    err.print(text, markup=False, soft_wrap=True)
