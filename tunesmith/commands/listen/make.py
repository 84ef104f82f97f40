"""``tunesmith listen make``: make a listening test from performances and a StyleNet."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.markup import escape

from data_prep.errors import BadInputError, unknown
from data_prep.wording import counted
from tunesmith.console import out, print_json, warn
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Home, PerformerModel, PerformerTrial, Tracking
from tunesmith.program import command

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performances
    from data_prep.progress import Progress
    from models.uses.offers import PerformingModel
    from tunesmith.listening.design import ListeningTest
    from tunesmith.names.models import NamedModel

_MOST_PIECES = 10
"""Default number of pieces: about ten minutes of clips."""

_DEFAULTS = {"pair": ("human", "model"), "ratings": ("human", "model", "flat", "random")}


def make(
    performances: Annotated[
        str,
        typer.Argument(
            help="A folder of piano performances in MIDI, with a subfolder per style or an index.csv; or of tunes, for "
            "ratings without a human.",
            metavar="PERFORMANCES",
        ),
    ],
    output: Annotated[Path, typer.Option("--out", help="Folder of the test; it must be new.", metavar="DIR")],
    kind: Annotated[
        Literal["pair", "ratings"],
        typer.Option(help="pair: which of two versions did a person play? ratings: rate all versions from 0 to 100."),
    ] = "pair",
    conditions: Annotated[
        str | None,
        typer.Option(
            help="Who determines the velocities: human, model, flat (all equal), random.",
            show_default="human,model for pairs, all for ratings",
            metavar="NAME,...",
        ),
    ] = None,
    pieces: Annotated[int, typer.Option(help="Number of pieces; each listener hears all of them.")] = _MOST_PIECES,
    practice: Annotated[
        int | None,
        typer.Option(help="Number of further pieces for practice.", show_default="2 if there is a human", min=0),
    ] = None,
    seconds: Annotated[
        float, typer.Option(help="Least length of a passage, at least 30; shorter pieces are whole.")
    ] = 30.0,
    whole: Annotated[bool, typer.Option("--whole", help="Use whole pieces instead of passages.")] = False,
    hear: Annotated[float, typer.Option(help="Seconds of each clip that must be played before an answer.")] = 10.0,
    margin: Annotated[float, typer.Option(help="Differences below it are equivalent, in points of 100.")] = 10.0,
    spread: Annotated[
        float | None,
        typer.Option(help="Assumed standard deviation of a judgement, in points.", show_default="50; 25 for ratings"),
    ] = None,
    power: Annotated[float, typer.Option(help="Planned probability of finding equivalence where it holds.")] = 0.8,
    trial: PerformerTrial = None,
    model: PerformerModel = None,
    genre: Annotated[
        str | None, typer.Option(help="Style in which the model plays.", show_default="that of each piece")
    ] = None,
    amount: Annotated[float, typer.Option(help="Strength of the model's dynamics: 0 is flat, 1 as predicted.")] = 1.0,
    keep_seen: Annotated[
        bool, typer.Option("--keep-seen", help="Also use pieces that the model was trained on, and their variants.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of pieces, passages, orders and random velocities.", min=0)] = 0,
    tracking: Tracking = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make a listening test: equally loud clips, balanced orders, and a key that listeners do not get.

    The margin and the number of judgements that it requires are fixed here, before
    the first answer. Pieces that the model was trained on are not used.

    Examples:
        tunesmith listen make performances/ --out test/

        tunesmith listen make performances/ --kind ratings --pieces 6 --whole --out test/
    """
    from tunesmith.listening import making
    from tunesmith.listening.design import HUMAN, MODEL, planned
    from tunesmith.listening.passages import choose
    from tunesmith.progress_bar import Bar

    named = _conditions(conditions) if conditions is not None else _DEFAULTS[kind]
    wanted = making.Wanted(
        kind=kind,
        conditions=named,
        num_practice=practice if practice is not None else 2 * (HUMAN in named),
        seconds=None if whole else seconds,
        hear_s=hear,
        plan=planned(kind, margin, spread=spread, power=power),
        seed=seed,
        style=genre,
        amount=amount,
    )
    making.check(wanted, pieces)
    making.check_new(output)
    with Bar() as bar:
        chosen = _model(model, trial, home, tracking) if MODEL in named else None
        learnt = None if chosen is None or keep_seen else _learnt(chosen[0], bar)
        number = pieces + wanted.num_practice
        music = choose(performances, number, human=HUMAN in named, seed=seed, learnt=learnt, progress=bar)
        performer = None if chosen is None else chosen[1]
        test = making.make(output, wanted, music, performer, bar, model_name=chosen and str(chosen[0].path))
    _print(test, output, as_json=as_json)


def _conditions(text: str) -> tuple[str, ...]:
    from tunesmith.listening.design import CONDITIONS

    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in CONDITIONS:
            raise unknown("condition", name, CONDITIONS)
    if len(set(names)) < len(names):
        raise BadInputError("each condition is named once", f"got {text!r}")
    return names


def _model(
    model: str | None, trial: str | None, home: Path | None, tracking: str | None
) -> "tuple[NamedModel, PerformingModel]":
    from models.families import family_of, offering
    from models.uses.offers import PerformingFamily
    from tunesmith.names.models import named_model

    families = offering(PerformingFamily)
    named = named_model(model, trial, list(families), home_folder(home), tracking)
    return named, families[family_of(named.path, families).name].performing_model(named.path)


def _learnt(model: "NamedModel", progress: "Progress") -> "Performances | None":
    """Return the data that a model was trained on; warn and return None if it is not available."""
    from models.training.checkpoint import load_model
    from tunesmith.names.scores import training_data

    fingerprint = load_model(model.path).extra.get("fingerprint")
    data, reason = training_data(model, "performances", fingerprint, progress)
    if reason is not None:
        warn(f"unknown which pieces the model has seen: {reason}")
    return data


def _print(test: "ListeningTest", folder: Path, *, as_json: bool) -> None:
    per_listener = len(test.sheets[0])
    if as_json:
        data = test.model_dump(mode="json", include={"id", "kind", "plan"})
        print_json(
            {
                "folder": str(folder),
                **data,
                "items": len(test.items),
                "per_listener": per_listener,
                "sheets": len(test.sheets),
            }
        )
        return
    plan = test.plan
    out.print(f"[bold]{escape(str(folder))}[/]: {counted(len(test.items), 'item')}, {per_listener} for each listener")
    comparisons = len(test.items) / per_listener
    listeners = -(-plan.judgements * comparisons // per_listener)
    out.print(
        f"planned: {counted(plan.judgements, 'independent judgement')} of each comparison, at least "
        f"{counted(listeners, 'listener', '.0f')}, for a margin of {plan.margin:g} points",
        soft_wrap=True,
    )
    out.print(f"serve it with: {command('listen', 'serve', str(folder))}", markup=False, soft_wrap=True)
