"""``tunesmith trials`` and ``show``: the trials of a search, which may still be running."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_prep.errors import BadInputError, unknown
from tunesmith.completion import search_names, trial_names
from tunesmith.console import print_json
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Force, Home

if TYPE_CHECKING:
    from search.spec.file import AnyFamily
    from search.study.records import SearchRecord


def trials(
    name: Annotated[str, typer.Argument(help="A search's name.", metavar="NAME", autocompletion=search_names)],
    sort: Annotated[
        str | None,
        typer.Option(
            help="Column to sort by: number, state, epochs, time, a metric or a setting.", show_default="score"
        ),
    ] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the table as CSV.")] = False,
    front: Annotated[
        str | None,
        typer.Option(
            help="Show only the complete trials that no other beats in both quality and cost: the number of "
            "parameters, or the seconds per epoch.",
            metavar="params|seconds",
        ),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw quality against the cost of --front into a file (.png, .svg or .pdf).", metavar="FILE"),
    ] = None,
    force: Force = False,
    stop: Annotated[
        int | None,
        typer.Option(help="Stop a trial that is training, as if the scheduler did.", min=0, metavar="NUMBER"),
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            help="Add a point that is tried next; repeat it for each setting. Settings that are not given are sampled.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the trials of a search, best first. The search may still be running.

    --stop and --add change a search while it runs in another terminal.

    Examples:
        tunesmith trials composer --sort cv_loss

        tunesmith trials composer --front params --picture front.svg

        tunesmith trials composer --stop 7

        tunesmith trials composer --add size=96 --add lr=0.004
    """
    from models.families import family as find_family
    from search.study.database import read_search
    from tunesmith.reports.trial_table import csv_text, print_table, rows, sorted_rows

    if stop is not None or add:
        shown = {"--sort": sort, "--csv": as_csv, "--front": front, "--picture": picture}
        _control(home_folder(home, make=False), name, stop, add or [], shown, as_json=as_json)
        return
    if front is None and picture is not None:
        raise BadInputError("--picture draws quality against a cost", remedy="name the cost with --front")
    record = read_search(home_folder(home, make=False), name)
    family = find_family(record.spec.family)
    if front is not None:
        if sort is not None or as_csv:
            raise BadInputError("--front has one order and one table", remedy="omit --sort and --csv")
        _front(record, family, front, picture, replace=force, as_json=as_json)
        return
    table = sorted_rows(rows(record, family), "score" if sort is None else sort, family)
    if as_json:
        print_json(table)
    elif as_csv:
        sys.stdout.write(csv_text(table))
    else:
        print_table(record, family, table)


def _control(home: Path, name: str, stop: int | None, add: list[str], others: dict[str, Any], *, as_json: bool) -> None:
    """Change the running search; the other options are those of the table."""
    from tunesmith.searching.requests import add_point, stop_trial

    given = [option for option, value in others.items() if value]
    if given:
        raise BadInputError("--stop and --add print no table", f"got {' and '.join(given)}", remedy="omit it")
    if stop is not None and add:
        raise BadInputError("a command stops a trial or adds a point", "got both --stop and --add", remedy="omit one")
    if stop is not None:
        stop_trial(home, name, stop, as_json=as_json)
    else:
        add_point(home, name, add, as_json=as_json)


def _front(
    record: "SearchRecord", family: "AnyFamily", cost: str, target: Path | None, *, replace: bool, as_json: bool
) -> None:
    from tunesmith.reports.front import as_data, picture, print_front
    from tunesmith.reports.pictures import check_writable, save
    from tunesmith.searching.front import COSTS, quality_against_cost

    if cost not in COSTS:
        raise unknown("cost", cost, COSTS, "--front")
    if target is not None:
        check_writable(target, replace=replace)
    front = quality_against_cost(record, family, cost)
    if target is not None:
        save(picture(front, record, family), target, replace=replace)
    print_json(as_data(front, record, family)) if as_json else print_front(front, record, family)


def show(
    trial: Annotated[
        str,
        typer.Argument(
            help="A trial, e.g. composer/7, or a kept model.",
            metavar="SEARCH/NUMBER|kept/NAME",
            autocompletion=trial_names,
        ),
    ],
    pictures: Annotated[
        Path | None,
        typer.Option(help="Draw the learning curve and pictures of the model into a folder.", metavar="DIR"),
    ] = None,
    force: Force = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show a trial: its settings, its learning curve on each fold, and how to find it in MLflow."""
    from tunesmith.names.kept import kept_model
    from tunesmith.names.trials import recorded_trial
    from tunesmith.reports.trial_view import as_data, print_trial

    folder = home_folder(home, make=False)
    if (model := kept_model(folder, trial)) is not None:
        _show_kept(trial, model, pictures, replace=force, as_json=as_json)
        return
    record, number = recorded_trial(folder, trial)
    if pictures is not None:
        from tunesmith.reports.trial_pictures import draw

        draw(record, number, folder, pictures, replace=force)
        return
    print_json(as_data(record, number)) if as_json else print_trial(record, number, folder)


def _show_kept(name: str, model: Path, pictures: Path | None, *, replace: bool, as_json: bool) -> None:
    from models.families import family as find_family
    from search.spec.sections import Data
    from tunesmith.names.kept import read_report, trial_of
    from tunesmith.reports.trial_pictures import draw_kept
    from tunesmith.reports.trial_view import print_kept

    report = read_report(model)
    if report is None:
        missing = f"{model.with_suffix('.json')} does not exist"
        raise BadInputError("a kept model has a report next to it", missing, remedy="keep the model again")
    family, data, trial = find_family(report["family"]), Data.model_validate(report["data"]), trial_of(report)
    if pictures is not None:
        draw_kept(trial, model, family, data, pictures, replace=replace)
    elif as_json:
        print_json(report)
    else:
        print_kept(name, trial, family, data)
