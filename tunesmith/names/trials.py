"""Which trial, and which trained model, a text such as "stylenet/7" names."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError, shown

if TYPE_CHECKING:
    from search.study.database import SearchRecord

_NUMBER = re.compile(r"\d{1,9}", re.ASCII)


def trained_model(home: Path, text: str) -> Path:
    """Find the file of a search's trained model.

    Args:
        home: The home folder.
        text: SEARCH/NUMBER, or SEARCH for its best trial.

    Returns:
        The file, which exists.

    Raises:
        BadInputError: If there is no such search or trial, or it kept no model.
    """
    from models.families import family as find_family
    from search.study.database import folder, read_search
    from search.study.report import best_trials
    from search.trials.files import model_path

    if "/" in text:
        record, number = recorded_trial(home, text)
    else:
        record = read_search(home, text)
        best = best_trials(record.trials, find_family(record.spec.family).metrics[0], 1)
        if not best:
            raise BadInputError(f"no trial of {text} came to its full budget yet, so it has no model: search on")
        number = best[0].number
    path = model_path(folder(home, record.spec.name), number)
    if not path.exists():
        state = record.trial(number).state
        reason = "it did not come to its full budget" if state != "COMPLETE" else f"{path} is not there"
        if state == "COMPLETE" and record.spec.storage.url:
            again = f"tunesmith search {record.spec.name}"
            reason += f" ({again} brings home what is still in {record.spec.storage.url})"
        raise BadInputError(
            f"{record.spec.name}/{number} has no trained model, for {reason}: name another trial, or only the search "
            "for its best"
        )
    return path


def recorded_trial(home: Path, text: str) -> "tuple[SearchRecord, int]":
    """Find the search and the trial that a text such as "composer/7" names.

    Args:
        home: The home folder.
        text: SEARCH/NUMBER.

    Returns:
        The search, and the trial's number, which exists.

    Raises:
        BadInputError: If it is not of that form, or either does not exist.
    """
    from search.study.database import read_search

    name, _, number = text.rpartition("/")
    if not name or not _NUMBER.fullmatch(number):
        raise BadInputError(f"a trial is named SEARCH/NUMBER, as in composer/7: got {shown(text)}")
    record = read_search(home, name)
    record.trial(int(number))
    return record, int(number)
