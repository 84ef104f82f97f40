"""``tunesmith.corpus``: a prepared corpus in Python."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from data_prep.errors import BadInputError
from tunesmith.python.public import public
from tunesmith.python.tunes import PlayableTune, PlayableTunes

if TYPE_CHECKING:
    import pandas as pd

    from data_prep.corpora.description import Description
    from data_prep.corpora.provenance import Prepared


@dataclass(frozen=True)
class LoadedCorpus:
    """The pieces of a corpus that a search may use; those of the sealed test set are never shown.

    ``len`` is the number of its pieces, and iteration yields its tunes.

    Attributes:
        name: Its name, or its folder.
        summary: What it is, in one line.
        licence: The licence of its scores.
        prepared: The arrays that models are trained on, and what was left out.
    """

    name: str
    summary: str
    licence: str
    prepared: "Prepared"

    @cached_property
    def description(self) -> "Description":
        """Its statistics: numbers of files, pieces and notes, what was left out, folds, and ``rows()`` as text."""
        from data_prep.prepared.kinds import describe

        return describe(self.prepared)

    def pieces(self) -> "pd.DataFrame":
        """Return a table of its pieces: name, title, composer, notes, and the fold that holds each out."""
        import pandas as pd

        data = self.prepared.data
        table: dict[str, Any] = {
            "piece": data.ids,
            "title": [origin.title for origin in self.prepared.origins],
            "composer": [origin.composer for origin in self.prepared.origins],
            "notes": np.diff(data.start),
            "fold": data.fold,
        }
        if self.prepared.kind == "performances":
            table["style"] = [data.styles[style] for style in data.style]
        return pd.DataFrame(table)

    @public
    def tunes(self) -> PlayableTunes:
        """Return its pieces as tunes; raises BadInputError for a corpus of performances."""
        from data_prep.melodies.arrays import Melodies
        from data_prep.tunes.from_melodies import corpus_tunes

        data = self.prepared.data
        if not isinstance(data, Melodies):
            raise BadInputError(
                "only a corpus of melodies has tunes",
                f"{self.name} consists of performances",
                remedy="prepared.data has their notes",
            )
        titles = [origin.title or name for origin, name in zip(self.prepared.origins, data.ids, strict=True)]
        return PlayableTunes(
            PlayableTune(replace(tune, title=title)) for tune, title in zip(corpus_tunes(data), titles, strict=True)
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the statistics."""
        from tunesmith.python.notebook import table_html

        return table_html(self.name, [f"{self.summary} ({self.licence})"], (), self.description.rows())

    def __len__(self) -> int:
        """Return the number of its pieces."""
        return int(self.prepared.data.num_pieces)

    def __iter__(self) -> Iterator[PlayableTune]:
        """Yield its pieces as tunes."""
        return iter(self.tunes())


@public
def corpus(
    name: str | Path, *, kind: str | None = None, repeats: str = "written", folds: int = 4, seed: int = 0
) -> LoadedCorpus:
    """Prepare a corpus as a search does, or read it from the cache.

    Args:
        name: A named corpus, or a folder of MIDI, ABC, MusicXML or kern files.
        kind: "melodies" or "performances"; None guesses it from a folder's files.
        repeats: Read repeats as "written" or as "played".
        folds: Number of cross-validation folds.
        seed: Seed of the folds and the sealed test set.

    Returns:
        The corpus.

    Raises:
        BadInputError: If there is no such corpus, or it cannot be read.
    """
    from data_prep.corpora.named import resolve
    from data_prep.prepared.corpus import prepare

    source = resolve(str(name))
    prepared = prepare(str(name), kind=kind or source.likely_kind(), repeats=repeats, num_folds=folds, seed=seed)
    return LoadedCorpus(source.name, source.summary, source.licence, prepared)
