"""``tunesmith reproduce``: run a published experiment as a search, and compare the outcome with the paper."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_prep.errors import BadInputError, unknown
from tunesmith.console import err, print_json
from tunesmith.home import home_folder, make_folder
from tunesmith.options import Address, AsJson, CorpusName, Home

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
    folds: Annotated[
        str | None,
        typer.Option(
            help='Number of cross-validation folds, or "holdout:0.05" to hold out this share of the notes once.',
            show_default="4",
            metavar="N|holdout:SHARE",
        ),
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
    from tunesmith.reproducing.terminal import print_list

    if what is None:
        print_list([experiment for _, experiment in experiments.values()], as_json=as_json)
        return
    if what not in experiments:
        raise unknown("experiment", what, experiments)
    family_name, experiment = experiments[what]
    family = find_family(family_name)
    target = folder / experiment.name
    if isinstance(experiment, GridExperiment):
        _refuse(
            {"corpus": corpus, "repeats": repeats, "epochs": epochs, "folds": folds, "slots": slots, "name": name}, what
        )
        make_folder(target, "pages", "--out")
        _reproduce_grid(experiment, family_name, seeds, target, as_json=as_json)
        return
    from search.spec.sections import read_folds
    from tunesmith.reproducing.as_search import RunOptions, search_of

    split = None if folds is None else read_folds(folds, "--folds")
    options = RunOptions(corpus or "", repeats or "", seeds, epochs, split, name or "", slots or 0)
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


def _reproduce_grid(experiment: "GridExperiment", family: str, seeds: int, folder: Path, *, as_json: bool) -> None:
    from tunesmith.reproducing import grid
    from tunesmith.reproducing.terminal import print_summary, print_table

    try:
        shares, files = grid.reproduce_grid(experiment, family, seeds, folder)
    except KeyboardInterrupt:
        err.print("stopped; nothing was written: the same command begins again, since a seed takes less than a minute")
        raise typer.Exit(130) from None
    if as_json:
        cells = grid.as_data(shares)
        print_json({"experiment": experiment.name, "cells": cells, "files": [str(path) for path in files]})
    else:
        print_table(experiment.title, experiment.name, grid.table(experiment, shares))
        print_summary(grid.summary(experiment, shares), files)


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
    from tunesmith.run_search import SearchData, run_search
    from tunesmith.searching.data import prepared_data

    began = time.monotonic()
    prepared = prepared_data(spec)
    result = run_search(spec, home, family, SearchData(prepared), address, began=began, later=lambda: 0.0)
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
    from tunesmith.reproducing.terminal import print_summary, print_table

    print_table(outcome.experiment.title, outcome.experiment.name, table(outcome, brief=True))
    print_summary(summary(outcome), files)
