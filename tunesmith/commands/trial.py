"""``tunesmith trial``: train one trial on this machine without Ray, and print every epoch."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from data_prep.errors import BadInputError
from tunesmith.completion import trial_names
from tunesmith.console import out, print_json
from tunesmith.home import home_folder
from tunesmith.options import AsJson, CorpusName, Home, Repeats, Settings, Tracking, read_settings

if TYPE_CHECKING:
    from models.family import Family


def trial(
    family: Annotated[str | None, typer.Argument(help="A model family; by default composer.", metavar="FAMILY")] = None,
    settings: Settings = None,
    preset: Annotated[
        str | None, typer.Option(help="Name of a published setting, e.g. table1/24; 'list' lists all.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            help="Repeat a trial of a search with its data, seed and settings, e.g. composer/7.",
            metavar="SEARCH/NUMBER",
            autocompletion=trial_names,
        ),
    ] = None,
    corpus: CorpusName = None,
    repeats: Repeats = None,
    folds: Annotated[
        str | None,
        typer.Option(
            help='Number of cross-validation folds, or "holdout:0.05" to hold out this share of the notes once.',
            metavar="N|holdout:SHARE",
            show_default="4",
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the folds, initial weights, windows and dropout.", min=0, show_default="0"),
    ] = None,
    threads: Annotated[int, typer.Option(help="CPU threads.", min=1)] = 1,
    keep: Annotated[
        str | None,
        typer.Option(help="Keep the trained model in the home folder, as kept/NAME.", metavar="NAME"),
    ] = None,
    track: Annotated[bool, typer.Option("--track/--no-track", help="Whether to log the trial to MLflow.")] = True,
    tracking: Tracking = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Train a model with one set of hyperparameters on all folds, on this machine.

    Examples:
        tunesmith trial composer --set layers=2 --set size=128

        tunesmith trial composer --preset table1/24

        tunesmith trial --like composer/7

        tunesmith trial composer --set layers=2 --keep deep
    """
    from models.families import default_family
    from models.families import family as find_family
    from search.spec.sections import read_folds
    from search.tracking.client import default_uri
    from tunesmith.names.kept import check_new
    from tunesmith.running.lone_training import LoneTraining
    from tunesmith.running.single_trial import new_trial, repeated_trial

    if like is not None:
        if settings or any(given is not None for given in (preset, corpus, repeats, folds, seed)):
            remedy = "omit --set, --preset, --corpus, --repeats, --folds and --seed"
            raise BadInputError("--like repeats a trial unchanged", remedy=remedy)
        chosen = repeated_trial(home_folder(home, make=False), like)
        name = chosen.family.name
        if family not in {None, name}:
            raise BadInputError("--like repeats a trial of its own family", f"{like} is a {name}", remedy="omit FAMILY")
    else:
        kind = default_family() if family is None else find_family(family)
        if preset == "list":
            _print_presets(kind, as_json=as_json)
            return
        split = None if folds is None else read_folds(folds, "--folds")
        data = {"corpus": corpus, "repeats": repeats, "folds": split, "seed": seed}
        chosen = new_trial(kind, preset, read_settings(settings or ()), "--set", data)
    folder = home_folder(home, make=keep is not None)
    if keep is not None:
        check_new(folder, keep)
    store = (tracking or default_uri(folder)) if track else None
    LoneTraining(chosen, keep, folder).train(store, threads, as_json=as_json)


def _print_presets(family: "Family[Any, Any]", *, as_json: bool) -> None:
    if as_json:
        print_json(
            {name: {"values": dict(chosen.values), "source": chosen.source} for name, chosen in family.presets.items()}
        )
        return
    table = Table("preset", "source", box=None, header_style="bold")
    for name, chosen in family.presets.items():
        table.add_row(name, chosen.source)
    out.print(table)
