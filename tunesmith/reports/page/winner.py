"""Music by the winner of a recorded search, for its report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import one_line
from models.families import family as find_family
from models.uses import offers
from search.study.database import folder
from search.study.records import SearchRecord
from search.study.report import best_trials
from search.trials.files import model_path
from tunesmith.console import warn
from tunesmith.playing.examples import Example, for_player

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared


@dataclass(frozen=True)
class WinnerMusic:
    """Music by the winner of a search.

    Attributes:
        examples: Tunes, or versions of performances.
        for_player: The same for the player.
    """

    examples: Sequence[offers.Example] = ()
    for_player: Sequence[Example] = ()


def winner_music(record: SearchRecord, home: Path, prepared: "Callable[[str], Prepared]") -> WinnerMusic:
    """Make music with the best trial of a search.

    Args:
        record: The search.
        home: The home folder.
        prepared: Returns the search's data by its kind; not called if no music can be made.

    Returns:
        The music. There is none without a full trial, without its model in the home folder, or if models of its family
        make no music; nor, with a warning, if a model, its data or a writer fails, since a report is useful without.
    """
    try:
        examples = _examples(record, home, prepared)
        return WinnerMusic(examples, for_player(examples))
    except Exception as error:  # noqa: BLE001  (models and writers may raise anything)
        warn(f"{record.spec.name}: no music by the winner ({one_line(error)})")
        return WinnerMusic()


def _examples(record: SearchRecord, home: Path, prepared: "Callable[[str], Prepared]") -> Sequence[offers.Example]:
    family = find_family(record.spec.family)
    for winner in best_trials(record.trials, family.metrics[0], 1):
        model = model_path(folder(home, record.spec.name), winner.number)
        if isinstance(family, offers.ExampleFamily) and model.exists():
            return family.examples(model, prepared(family.data_kind).data)
    return ()
