"""``tunesmith trial``: train one trial on this machine without Ray, and print every epoch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from data_prep.errors import BadInputError, unknown
from tunesmith.console import out, print_json
from tunesmith.home import home_folder
from tunesmith.options import AsJson, CorpusName, Home, Repeats, Settings, Tracking, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.family import Family
    from models.spec import Value
    from search.spec.sections import Data


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
        ),
    ] = None,
    corpus: CorpusName = None,
    repeats: Repeats = None,
    folds: Annotated[
        str,
        typer.Option(
            help='Number of cross-validation folds, or "holdout:0.05" to hold out this share of the notes once.',
            metavar="N|holdout:SHARE",
        ),
    ] = "4",
    seed: Annotated[int, typer.Option(help="Seed of the folds, initial weights, windows and dropout.", min=0)] = 0,
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
    from data_prep.readers.scores import reading_of_repeats
    from models.families import family as find_family
    from models.training.device import use_threads
    from search.spec.file import default_corpus
    from search.spec.sections import Data, read_folds
    from search.tracking.client import default_uri
    from tunesmith.names.kept import check_new
    from tunesmith.searching.backend import ready_backend
    from tunesmith.tracked.lone_training import LoneTraining

    number = 0
    if like is not None:
        if settings or preset or corpus or repeats:
            raise BadInputError(
                "--like repeats a trial unchanged", remedy="omit --set, --preset, --corpus and --repeats"
            )
        name, number, data, values, source = _recorded(like, home)
        if family not in {None, name}:
            raise BadInputError("--like repeats a trial of its own family", f"{like} is a {name}", remedy="omit FAMILY")
        chosen = find_family(name)
    else:
        chosen = find_family(family or "composer")
        if preset == "list":
            _print_presets(chosen, as_json=as_json)
            return
        values, source = _requested(chosen, preset, settings or [])
        reading = reading_of_repeats(repeats or "written")
        name = corpus or default_corpus(chosen)
        data = Data(corpus=name, repeats=reading, folds=read_folds(folds, "--folds"), seed=seed)
    spec = chosen.spec_type.from_values(values, source)
    folder = home_folder(home, make=keep is not None)
    if keep is not None:
        check_new(folder, keep)
    use_threads(threads)
    ready_backend("auto")
    lone = LoneTraining(chosen, spec, data, number, like or "", keep, folder)
    lone.train((tracking or default_uri(folder)) if track else None, as_json=as_json)


def _requested(family: "Family[Any, Any]", preset: str | None, pairs: list[str]) -> "tuple[dict[str, Value], str]":
    base: Mapping[str, Value] = {}
    if preset is not None:
        if preset not in family.presets:
            raise unknown("preset", preset, family.presets, f"of {family.name}")
        base = family.presets[preset].values
    values = family.spec_type.changed(base, read_settings(pairs))
    return values, "--set" if pairs else f"preset {preset}"


def _recorded(like: str, home: Path | None) -> "tuple[str, int, Data, Mapping[str, Value], str]":
    from tunesmith.names.trials import recorded_trial

    record, number = recorded_trial(home_folder(home, make=False), like)
    return record.spec.family, number, record.spec.data, record.trial(number).values, like


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
