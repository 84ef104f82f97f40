"""The options that several commands share, each declared once, and how key=value pairs are read."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_prep.errors import BadInputError

if TYPE_CHECKING:
    from models.spec import Value

Home = Annotated[
    Path | None,
    typer.Option("--home", envvar="TUNESMITH_HOME", help="Folder of all state.", show_default="./runs", metavar="DIR"),
]
CorpusName = Annotated[
    str | None,
    typer.Option(
        "--corpus",
        help="A named corpus (see 'tunesmith data list') or a folder of MIDI, ABC, MusicXML or kern files; "
        "FOLDER:COLUMN names the column of its index.csv that tells styles.",
        metavar="NAME|DIR",
    ),
]
Repeats = Annotated[
    str | None,
    typer.Option(
        "--repeats",
        help="How the repeats of scores are read: as written, each section once, or as played, written out (AABB).",
        show_default="written, or as the search has them",
        metavar="written|played",
    ),
]
Tracking = Annotated[
    str | None,
    typer.Option(
        "--tracking",
        envvar="TUNESMITH_TRACKING",
        help="MLflow's store, where a search file names another than the home folder's.",
        show_default="the home folder's",
        metavar="URI",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        envvar="TUNESMITH_ADDRESS",
        help='A Ray cluster\'s head, as 10.0.0.5:6379, or "auto" on one of its nodes.',
        show_default="a Ray of its own on this machine",
        metavar="HOST:PORT",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Replace files that are there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="One setting as name=value; may be given often.", metavar="NAME=VALUE"),
]


def read_settings(pairs: Iterable[str]) -> "dict[str, Value]":
    """Read ``name=value`` pairs; values are numbers, true, false or words.

    Args:
        pairs: The texts as they were typed.

    Returns:
        Values by name, each as bool, int, float or str. They are not yet checked against a family.

    Raises:
        BadInputError: For a text without '='.
    """
    values: dict[str, Value] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name.strip() or not text.strip():
            raise BadInputError(f"a setting is given as name=value, as in --set layers=2: got {pair!r}")
        values[name.strip()] = _value(text.strip())
    return values


def _value(text: str) -> "Value":
    try:
        value = json.loads(text)
    except (RecursionError, ValueError):  # no JSON, or beyond Python's own limits
        return text
    return value if isinstance(value, bool | int | float) else text
