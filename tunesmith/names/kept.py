"""Models of single trials that ``tunesmith trial --keep NAME`` keeps in the home folder, named kept/NAME."""

import json
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError, unknown
from tunesmith.program import command

if TYPE_CHECKING:
    from search.spec.sections import Data
    from search.study.records import TrialRecord
    from search.trials.files import TrialFiles

FOLDER = "kept"
"""The folder of kept models in the home folder, and the first part of their names."""


def kept_model(home: Path, text: str) -> Path | None:
    """Find a kept model.

    Args:
        home: The home folder.
        text: The name that the user gave.

    Returns:
        The model's file; None if the name is not one of kept models. A trial of a search called "kept" is not either.

    Raises:
        BadInputError: If no kept model has the name.
    """
    first, _, name = text.partition("/")
    if first != FOLDER or not name or name.isdecimal():
        return None
    path = _file(home, name)
    if Path(name).name != name or not path.exists():
        names = sorted(f"{FOLDER}/{each.stem}" for each in (home / FOLDER).glob("*.pt"))
        if not names:
            remedy = f"keep one: {command('trial', '--keep', 'NAME')}"
            raise BadInputError(f"no kept model is called {text!r}", f"the home folder {home} has none", remedy=remedy)
        raise unknown("kept model", text, names, f"in the home folder {home}")
    return path


def check_new(home: Path, name: str, where: str = "--keep") -> None:
    """Check that a model can be kept under a name.

    Args:
        home: The home folder.
        name: The name, without the first part.
        where: Where it was given.

    Raises:
        BadInputError: If the name is not legal, or in use.
    """
    from search.spec.whole_search import check_name

    check_name(name, where, "a kept model's name")
    if name.isdecimal():
        raise BadInputError("a kept model's name is not a number, unlike a trial's", f"got {name!r}", where)
    if _file(home, name).exists():
        raise BadInputError("a kept model's name must be new", f"there is {_file(home, name)}", where)


@contextmanager
def keeping(home: Path, name: str | None, number: int) -> Generator["TrialFiles | None"]:
    """Yield the files of a trial; a model that it saves is kept under a name.

    Args:
        home: The home folder.
        name: The name, without the first part; None to keep nothing.
        number: The trial's number.

    Yields:
        The files, in a temporary folder; None to keep nothing.
    """
    if name is None:
        yield None
        return
    from data_prep.storage.folder_store import FolderStore
    from search.trials.files import TrialFiles, model_path

    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as temporary:
        yield TrialFiles(FolderStore(Path(temporary)))
        model = model_path(Path(temporary), number)
        if model.exists():
            model.replace(_file(home, name))


def write_report(home: Path, name: str, report: Mapping[str, Any], data: "Data") -> None:
    """Write what is known of a kept model next to it: the trial as plain values, and its [data] section."""
    from data_prep.storage.atomic_write import atomic_write
    from tunesmith.console import json_text

    content = json_text({**report, "data": data.model_dump()})
    atomic_write(_file(home, name).with_suffix(".json"), content.encode())


def read_report(model: Path) -> dict[str, Any] | None:
    """Return the trial of a kept model as plain values; None if it has none or is not a kept model."""
    from search.spec.sections import Data

    if model.suffix != ".pt" or model.absolute().parent.name != FOLDER:
        return None
    path = model.with_suffix(".json")
    if not path.exists():
        return None
    try:
        report = json.loads(path.read_bytes())
        _ = report["family"], trial_of(report), Data.model_validate(report["data"])  # it has all its parts
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
        raise BadInputError(
            "the report of a kept model must be complete", f"{path} is not", remedy="keep the model again"
        ) from None
    return report


def data_of(model: Path) -> "Data | None":
    """Return the [data] section of a kept model; None if it is unknown."""
    from search.spec.sections import Data

    report = read_report(model)
    return None if report is None else Data.model_validate(report["data"])


def trial_of(report: Mapping[str, Any]) -> "TrialRecord":
    """Return the trial in a report; ``write_report`` wrote it."""
    from models.family import EpochReport
    from models.metrics import FoldValues
    from search.study.records import EpochRecord, TrialRecord

    epochs = tuple(
        EpochRecord(
            EpochReport(
                each["epoch"],
                {name: FoldValues(tuple(values["folds"])) for name, values in each["metrics"].items()},
                each["seconds"],
            ),
            at=0,
        )
        for each in report["epochs"]
    )
    return TrialRecord(0, "COMPLETE", report["spec"], epochs, None, None, "")


def _file(home: Path, name: str) -> Path:
    return home / FOLDER / f"{name}.pt"
