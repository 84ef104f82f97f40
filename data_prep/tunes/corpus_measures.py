"""Measures of all pieces of a corpus, cached, for comparison with those of composed tunes.

The copies in a piece are from all other pieces, including near-duplicates, of which folk corpora have many. They raise
the upper quantiles of both measures of copies, but not the median.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.storage import cache
from data_prep.tunes.copies import CorpusIndex
from data_prep.tunes.from_melodies import corpus_tunes
from data_prep.tunes.measures import MEASURES, Value, measure

_VERSION = 1  # incremented when the value of a measure changes

CENTRE = (0.025, 0.975)
"""Values beyond these quantiles of the corpus are reported as unusual."""


@dataclass(frozen=True)
class CorpusRank:
    """Rank of a value among those of a corpus.

    Attributes:
        percentile: Percentage of the pieces with a lower value, plus half of that with the same value.
        outlying: -1 or 1 if the value is below or above the central 95 % of the pieces, else 0.
    """

    percentile: float
    outlying: int


@dataclass(frozen=True)
class CorpusMeasures:
    """Every measure of every piece.

    Attributes:
        corpus: Name or folder of the corpus, as the user wrote it.
        values: [P] values of each measure, None if a piece has nothing to measure.
    """

    corpus: str
    values: Mapping[str, tuple[Value, ...]]

    @property
    def num_pieces(self) -> int:
        """Number of pieces P."""
        return len(self.values["in_key"])

    def known(self, name: str) -> NDArray[np.float64]:
        """Return the values of a measure, ascending, without None."""
        return np.sort([value for value in self.values[name] if value is not None])

    def quantiles(self, name: str, *shares: float) -> tuple[float, ...]:
        """Return quantiles of a measure, each the value of a piece; empty if no piece has a value."""
        known = self.known(name)
        return tuple(np.quantile(known, shares, method="nearest").tolist()) if len(known) else ()

    def rank(self, name: str, value: float) -> CorpusRank | None:
        """Return the rank of a value of a measure; None if no piece has a value."""
        known = self.known(name)
        if not len(known):
            return None
        low, high = self.quantiles(name, *CENTRE)
        below, up_to = np.searchsorted(known, value), np.searchsorted(known, value, side="right")
        return CorpusRank(float(50 * (below + up_to) / len(known)), int(value > high) - int(value < low))


def corpus_measures(melodies: Melodies, index: CorpusIndex, folder: Path | None = None) -> CorpusMeasures:
    """Measure a corpus, or read the measures from the cache.

    Args:
        melodies: The pieces.
        index: Index of the pieces.
        folder: Cache folder; by default the user's.

    Returns:
        The measures.

    Raises:
        BadInputError: If the cache cannot be written.
    """
    path = cache.folder(folder) / "measures" / f"{_VERSION}-{melodies.fingerprint}.json"
    stored = _read(path, melodies.num_pieces)
    if stored is None:
        of_pieces = [measure(tune) for tune in corpus_tunes(melodies)]
        longest, share = index.among_themselves()
        copies = {"longest_copy": longest.astype(np.float64).tolist(), "copied": share.tolist()}
        values = {name: copies.get(name) or [piece[name] for piece in of_pieces] for name in MEASURES}
        cache.write(path, json.dumps(values).encode())
        stored = {name: tuple(of_measure) for name, of_measure in values.items()}
    return CorpusMeasures(melodies.corpus, stored)


def _read(path: Path, num_pieces: int) -> dict[str, tuple[Value, ...]] | None:
    """Return the stored measures, or None if they are missing or damaged."""
    try:
        values = {name: tuple(of_measure) for name, of_measure in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    fits = values.keys() == MEASURES.keys() and all(len(of_measure) == num_pieces for of_measure in values.values())
    return values if fits else None
