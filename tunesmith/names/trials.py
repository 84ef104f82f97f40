"""The trial, or its trained model, that a text such as "stylenet/7" names."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import Action, BadInputError, shown

if TYPE_CHECKING:
    from search.study.database import SearchRecord

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def trained_model(home: Path, text: str) -> Path:
    """Find the file of a trial's trained model.

    Args:
        home: The home folder.
        text: SEARCH/NUMBER, SEARCH for its best trial, or kept/NAME.

    Returns:
        The file; it exists.

    Raises:
        BadInputError: If there is no such search or trial, or no model of it is stored.
    """
    from models.families import family as find_family
    from search.study.database import folder, read_search
    from search.study.report import best_trials
    from search.trials.files import model_path
    from tunesmith.names.kept import kept_model

    if (kept := kept_model(home, text)) is not None:
        return kept
    if "/" in text:
        record, number = recorded_trial(home, text)
    else:
        record = read_search(home, text)
        best = best_trials(record.trials, find_family(record.spec.family).metrics[0], 1)
        if not best:
            raise BadInputError(
                "a search has a model once a trial has trained for its full budget",
                f"no trial of {text} has yet",
                remedy="continue the search",
                action=Action("resume search", {"search": text}),
            )
        number = best[0].number
    path = model_path(folder(home, record.spec.name), number)
    if not path.exists():
        raise _no_model(record, number, path)
    return path


def _no_model(record: "SearchRecord", number: int, path: Path) -> BadInputError:
    name, url = record.spec.name, record.spec.storage.url
    problem = f"{name}/{number} has no trained model"
    if record.trial(number).state != "COMPLETE":
        remedy = "name another trial, or only the search to use its best trial"
        return BadInputError(problem, "it did not train for its full budget", remedy=remedy)
    if not url:
        return BadInputError(problem, f"{path} does not exist", remedy="name another trial")
    return BadInputError(
        problem,
        f"{path} does not exist",
        remedy=f"fetch what is still in {url}",
        action=Action("resume search", {"search": name}),
    )


def recorded_trial(home: Path, text: str) -> "tuple[SearchRecord, int]":
    """Find the search and the trial that a text such as "composer/7" names.

    Args:
        home: The home folder.
        text: SEARCH/NUMBER.

    Returns:
        The search, and the number of the trial, which exists.

    Raises:
        BadInputError: If the text does not have that form, or there is no such search or trial.
    """
    from search.study.database import read_search

    name, _, number = text.rpartition("/")
    if not name or not _NUMBER.fullmatch(number):
        raise BadInputError("a trial is named SEARCH/NUMBER, as in composer/7", f"got {shown(text)}")
    record = read_search(home, name)
    record.trial(int(number))
    return record, int(number)
