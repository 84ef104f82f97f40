"""Music by the winner of a recorded search, for its report."""

from pathlib import Path

from data_prep.errors import one_line
from data_prep.progress import Progress
from models.families import family as find_family
from models.uses.offers import ExampleFamily
from search.study.database import folder
from search.study.records import SearchRecord
from search.study.report import best_trials
from search.trials.files import model_path
from tunesmith.console import warn
from tunesmith.playing.examples import Example, for_player
from tunesmith.searching.data import prepare_data


def winner_music(record: SearchRecord, home: Path, progress: Progress) -> list[Example]:
    """Make music with the best trial of a search.

    Args:
        record: The search.
        home: The home folder.
        progress: Progress of preparing the search's data.

    Returns:
        The music. It is empty if there is no full trial, or its model is not in the home folder; if the music cannot
        be made, also with a warning, since a report is useful without.
    """
    family = find_family(record.spec.family)
    winner = next(iter(best_trials(record.trials, family.metrics[0], 1)), None)
    if winner is None:
        return []
    model = model_path(folder(home, record.spec.name), winner.number)
    if not isinstance(family, ExampleFamily) or not model.exists():
        return []
    try:
        prepared = prepare_data(record.spec.data, family.data_kind, progress)
        return for_player(family.examples(model, prepared.data))
    except Exception as error:  # noqa: BLE001  (models and writers may raise anything)
        warn(f"{record.spec.name}: no music by the winner ({one_line(error)})")
        return []
