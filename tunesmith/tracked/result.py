"""Writing the result of a search to MLflow, after it was printed: its description, its trials, and music of the winner.

Nothing here changes the result or the exit status: a failure is one warning. The next start writes what is missing.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError, one_line
from tunesmith.console import err, warn
from tunesmith.program import command
from tunesmith.remedies import error_line

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared
    from models.family import Baseline
    from search.driver.search_run import SearchResult
    from search.spec.file import SearchSpec
    from search.study.records import SearchRecord

_MUSIC = "music"
"""The folder of the music among the artifacts of the winner's run."""


def log_result(
    spec: "SearchSpec", outcome: "SearchResult", baselines: "Sequence[Baseline]", prepared: "Prepared", home: Path
) -> None:
    """Write the result of a search to MLflow.

    Args:
        spec: The search.
        outcome: Its result; nothing is written if MLflow does not have all its trials.
        baselines: The baselines; none if they were not scored.
        prepared: Its data.
        home: The home folder.
    """
    if not outcome.is_tracked:
        return
    from search.study.database import read_search

    with err.status("writing the result to MLflow ..."):
        record = read_search(home, spec.name)
        if _try(partial(_log_report, spec, record, outcome, baselines, home), "the result", spec.name):
            _try(partial(_log_music, spec, record, prepared, home), "music of the winner", spec.name)


def _try(write: Callable[[], None], what: str, search: str) -> bool:
    try:
        write()
    except KeyboardInterrupt:
        reason = "stopped"
    except Exception as error:  # noqa: BLE001  (a model, a writer or MLflow may raise anything)
        reason = error_line(error) if isinstance(error, BadInputError) else one_line(error)
    else:
        return True
    warn(f"MLflow does not have {what} ({reason}); to write it: {command('search', search)}")
    return False


def _log_report(
    spec: "SearchSpec", record: "SearchRecord", outcome: "SearchResult", baselines: "Sequence[Baseline]", home: Path
) -> None:
    from models.families import family as find_family
    from search.tracking.client import tracking_uri
    from search.tracking.result import log_result as log
    from tunesmith.reports.trial_table import csv_text, rows, sorted_rows
    from tunesmith.tracked.note import result_note

    family = find_family(spec.family)
    note = result_note(spec, family, outcome, baselines)
    if note is not None:
        files = {"trials.csv": csv_text(sorted_rows(rows(record, family), "score", family))}
        log(tracking_uri(spec, home), family.name, record.study, note, files)


def _log_music(spec: "SearchSpec", record: "SearchRecord", prepared: "Prepared", home: Path) -> None:
    from models.families import family as find_family
    from search.study.database import folder
    from search.study.report import best_trials
    from search.tracking.client import tracking_uri
    from search.tracking.result import log_winner_files
    from search.trials.files import model_path
    from tunesmith.tracked.music import write_music

    family = find_family(spec.family)
    for winner in best_trials(record.trials, family.metrics[0], 1):
        model = model_path(folder(home, spec.name), winner.number)
        name = f"{spec.name}/{winner.number}"
        if model.exists():
            make = partial(write_music, family, model, prepared.data, name)
            log_winner_files(tracking_uri(spec, home), family.name, record.study, _MUSIC, make)
