"""Music by the winner of a recorded search, for its report."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import one_line
from data_prep.progress import Progress
from models.families import family as find_family
from models.uses import offers
from search.study.database import folder
from search.study.records import SearchRecord
from search.study.report import best_trials
from search.trials.files import model_path
from tunesmith.console import warn
from tunesmith.playing.examples import Example, for_player
from tunesmith.searching.data import prepare_data

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared


def winner_examples(
    record: SearchRecord, home: Path, prepared: "Callable[[str], Prepared]"
) -> Sequence[offers.Example]:
    """Make examples with the best trial of a search; models and data may raise anything.

    Args:
        record: The search.
        home: The home folder.
        prepared: Returns the search's data by its kind; not called if no examples can be made.

    Returns:
        The examples. There are none without a full trial, without its model in the home folder, or if models of its
        family make no music.
    """
    family = find_family(record.spec.family)
    for winner in best_trials(record.trials, family.metrics[0], 1):
        model = model_path(folder(home, record.spec.name), winner.number)
        if isinstance(family, offers.ExampleFamily) and model.exists():
            return family.examples(model, prepared(family.data_kind).data)
    return ()


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
    try:
        return for_player(winner_examples(record, home, lambda kind: prepare_data(record.spec.data, kind, progress)))
    except Exception as error:  # noqa: BLE001  (models and writers may raise anything)
        warn(f"{record.spec.name}: no music by the winner ({one_line(error)})")
        return []
