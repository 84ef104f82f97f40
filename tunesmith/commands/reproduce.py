"""``tunesmith reproduce``: run a published experiment as a search, and compare the outcome with the paper."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.errors import BadInputError, unknown
from tunesmith.console import err, new_table, out, print_json
from tunesmith.figures import duration
from tunesmith.home import home_folder, make_folder
from tunesmith.options import Address, AsJson, CorpusName, Home
from tunesmith.program import command

if TYPE_CHECKING:
    from models.experiments import Experiment, GridExperiment
    from models.family import Family
    from search.spec.whole_search import SearchSpec
    from tunesmith.reproducing.outcome import Outcome

_FOLDER = Path("reproduced")


def reproduce(
    what: Annotated[
        str | None, typer.Argument(help="An experiment, e.g. s1/table1; without one, all are listed.", metavar="WHAT")
    ] = None,
    corpus: CorpusName = None,
    repeats: Annotated[
        str | None,
        typer.Option(
            help="Read repeats in scores as written or as played.",
            show_default="as in the paper",
            metavar="written|played",
        ),
    ] = None,
    seeds: Annotated[int, typer.Option(help="Trials of each row, each with another random seed.", min=1, max=100)] = 1,
    epochs: Annotated[
        int | None, typer.Option(help="Number of epochs of each trial.", min=1, show_default="as in the paper")
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Maximum number of concurrent trials.", min=1, show_default="as many as fit")
    ] = None,
    address: Address = None,
    name: Annotated[
        str | None, typer.Option(help="Name of the search.", show_default="made of experiment, corpus and options")
    ] = None,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the pages.", metavar="DIR")] = _FOLDER,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Run a table or figure of a paper again, and compare the outcome with the paper.

    Each row of the table is a trial of a search. Ctrl-C stops the search, the
    same command resumes it, and a larger --seeds adds trials. On the paper's own
    corpus, values are compared with the paper's; on any other corpus, only the
    differences between rows are. A page with the result is written to --out.

    Examples:
        tunesmith reproduce

        tunesmith reproduce s1/table1 --seeds 3

        tunesmith reproduce s1/figure5 --corpus my-tunes/
    """
    from models.experiments import GridExperiment
    from models.families import family as find_family
    from models.families import offering
    from models.uses.offers import PublishedFamily

    published = offering(PublishedFamily)
    experiments = {name: (family, each) for family in published for name, each in published[family].experiments.items()}
    if what is None:
        _print_list([experiment for _, experiment in experiments.values()], as_json=as_json)
        return
    if what not in experiments:
        raise unknown("experiment", what, experiments)
    family_name, experiment = experiments[what]
    family = find_family(family_name)
    target = folder / experiment.name
    if isinstance(experiment, GridExperiment):
        _refuse({"corpus": corpus, "repeats": repeats, "epochs": epochs, "slots": slots, "name": name}, what)
        make_folder(target, "pages", "--out")
        _reproduce_grid(experiment, family_name, seeds, target, as_json=as_json)
        return
    from tunesmith.reproducing.as_search import RunOptions, search_of

    options = RunOptions(corpus or "", repeats or "", seeds, epochs, name or "", slots or 0)
    spec = search_of(experiment, family, options)
    make_folder(target, "pages", "--out")
    _reproduce(experiment, family, spec, home_folder(home), address, target, as_json=as_json)


def _refuse(options: dict[str, object], what: str) -> None:
    """Raise BadInputError if an option was given that has no effect on an experiment without a search."""
    if given := [f"--{name}" for name, value in options.items() if value is not None]:
        raise BadInputError(
            f"{what} takes only --seeds, --out and --json, because it trains on one tune, without a search",
            f"got {' and '.join(given)}",
        )


def _print_list(experiments: "list[Experiment | GridExperiment]", *, as_json: bool) -> None:
    if as_json:
        keys = ("name", "title", "source", "seconds")
        print_json([{key: getattr(each, key) for key in keys} for each in experiments])
        return
    table = new_table("experiment", "time of one seed")
    table.add_column("what", overflow="fold")
    for each in experiments:
        table.add_row(each.name, f"about {duration(each.seconds)}", each.title)
    out.print(table)
    out.print("[dim]times are for one processor and the default corpus; trials run at the same time on several[/]")
    out.print(f"[dim]{escape(command('reproduce', experiments[0].name))} runs one[/]", soft_wrap=True)


def _reproduce_grid(experiment: "GridExperiment", family: str, seeds: int, folder: Path, *, as_json: bool) -> None:
    from tunesmith.reproducing import grid

    try:
        shares, files = grid.reproduce_grid(experiment, family, seeds, folder)
    except KeyboardInterrupt:
        err.print("stopped; nothing was written: the same command begins again, since a seed takes less than a minute")
        raise typer.Exit(130) from None
    if as_json:
        cells = grid.as_data(shares)
        print_json({"experiment": experiment.name, "cells": cells, "files": [str(path) for path in files]})
    else:
        _print_table(experiment.title, experiment.name, grid.table(experiment, shares))
        _print_summary(grid.summary(experiment, shares), files)


def _reproduce(
    experiment: "Experiment",
    family: "Family[Any, Any]",
    spec: "SearchSpec",
    home: Path,
    address: str | None,
    folder: Path,
    *,
    as_json: bool,
) -> None:
    from tunesmith.reproducing.as_data import as_data
    from tunesmith.reproducing.illustrations import write_illustrated
    from tunesmith.reproducing.outcome import outcome_of
    from tunesmith.run_search import run_search
    from tunesmith.searching.data import prepared_data

    began = time.monotonic()
    prepared = prepared_data(spec)
    result = run_search(spec, home, family, prepared, address, began=began, later=lambda: 0.0)
    for message in result.messages:
        err.print(message, markup=False)
    from search.study.database import read_search

    outcome = outcome_of(
        experiment,
        read_search(home, spec.name),
        pieces=prepared.data.num_pieces + prepared.num_test_pieces,
        notes=prepared.data.num_notes + prepared.num_test_notes,
    )
    known = any(row.trials for row in outcome.rows)  # a page without results must not replace one with results
    files = write_illustrated(outcome, family, prepared, home, folder) if known else []
    print_json({**as_data(outcome), "files": [str(path) for path in files]}) if as_json else _print(outcome, files)
    if result.reason == "interrupted":
        err.print("stopped; nothing recorded is lost: run the same command to resume")
        raise typer.Exit(130)


def _print(outcome: "Outcome", files: list[Path]) -> None:
    from tunesmith.reproducing.page import summary, table

    _print_table(outcome.experiment.title, outcome.experiment.name, table(outcome, brief=True))
    _print_summary(summary(outcome), files)


def _print_table(title: str, name: str, table: tuple[list[str], list[list[str]]]) -> None:
    titles, cells = table
    shown = new_table()
    for column in titles:
        shown.add_column(column, overflow="fold", no_wrap=column not in {"setting", "verdict"})
    for row in cells:
        shown.add_row(*map(escape, row))
    out.print(f"[bold]{name}[/]: {escape(title)}", soft_wrap=True)
    out.print(shown)


def _print_summary(text: str, files: list[Path]) -> None:
    out.print(text, markup=False, soft_wrap=True)
    if files:
        out.print(f"[dim]the page: {escape(str(files[1]))}[/]", soft_wrap=True)
