"""Options of several commands, and the parsing of name=value pairs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_prep.errors import BadInputError

if TYPE_CHECKING:
    from models.spec import Value


def _repeats(default: str) -> Any:
    text = "Read repeats in scores as written (each section once) or as played (AABB)."
    return typer.Option("--repeats", help=text, show_default=default, metavar="written|played")


Repeats = Annotated[str | None, _repeats("written")]
SearchRepeats = Annotated[str | None, _repeats("as in the search")]
Home = Annotated[
    Path | None,
    typer.Option(
        "--home",
        envvar="TUNESMITH_HOME",
        help="Home folder, with studies, checkpoints, models and MLflow's store.",
        show_default="./runs",
        metavar="DIR",
    ),
]
CorpusName = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        help="A named corpus (see 'tunesmith data list') or a folder of MIDI, ABC, MusicXML or kern files. "
        "FOLDER:COLUMN names the column of its index.csv that holds the styles.",
        metavar="NAME|DIR",
    ),
]
Tracking = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        envvar="TUNESMITH_TRACKING",
        help="MLflow's tracking store.",
        show_default="the store in the home folder",
        metavar="URI",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="TUNESMITH_ADDRESS",
        help='Address of a Ray cluster\'s head, or "auto" on one of its nodes.',
        show_default="a local Ray on this machine",
        metavar="HOST:PORT",
    ),
]
PerformerTrial = Annotated[
    str | None,
    typer.Option(
        "--trial",
        help="A trial with its full budget, e.g. stylenet/7; or a search, whose best trial is used.",
        show_default="the champion, else the best trial of stylenet",
    ),
]
PerformerModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A registered model, e.g. stylenet@champion, a kept one (kept/NAME) or a file, instead of --trial.",
        metavar="MODEL|FILE",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace existing files.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="Set a hyperparameter; can be repeated.", metavar="NAME=VALUE"),
]


def read_settings(pairs: Iterable[str]) -> "dict[str, Value]":
    """Parse ``name=value`` pairs.

    Args:
        pairs: The texts. Values are numbers, true, false or words.

    Returns:
        Values by name, not yet checked against a family.

    Raises:
        BadInputError: If a text does not have the form ``name=value``.
    """
    values: dict[str, Value] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name.strip() or not text.strip():
            raise BadInputError("a setting is given as name=value, as in --set layers=2", f"got {pair!r}")
        values[name.strip()] = _value(text.strip())
    return values


def _value(text: str) -> "Value":
    try:
        value = json.loads(text)
    except (RecursionError, ValueError):  # not JSON, or beyond Python's limits
        return text
    return value if isinstance(value, bool | int | float) else text
