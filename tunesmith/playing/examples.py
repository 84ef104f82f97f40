"""Music by the winner of a search, for the player."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from data_prep.tunes.notation import Tune
from models.uses import offers
from tunesmith.playing.music import Music, music_of_performance, music_of_tune

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance


@dataclass(frozen=True)
class Example:
    """A piece by a trained model.

    Attributes:
        title: What it is.
        versions: Its music by name, such as the same notes played flat and by the model.
    """

    title: str
    versions: Mapping[str, Music]

    def plain(self) -> dict[str, dict[str, Any]]:
        """Return the versions as JSON values."""
        return {name: music.plain() for name, music in self.versions.items()}


def for_player(examples: Sequence[offers.Example]) -> list[Example]:
    """Return examples of a trained model for the player."""
    return [
        Example(made.title, {name: _music(piece, made.title) for name, piece in made.versions.items()})
        for made in examples
    ]


def _music(piece: "Tune | Performance", title: str) -> Music:
    return music_of_tune(piece) if isinstance(piece, Tune) else music_of_performance(piece, title)
