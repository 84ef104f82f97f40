"""How a whole corpus measures, kept once computed: for comparison with a composed tune's numbers.

The copies of a piece are those of all other pieces, near-duplicates among them, of which folk corpora have many: they
make the upper end of these two measures long, and leave the median as it is.
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

_VERSION = 1  # raised with every change to what a measure computes

CENTRE = (0.025, 0.975)
"""A value beyond these quantiles of the corpus is reported as unusual."""


@dataclass(frozen=True)
class CorpusRank:
    """Where a value ranks among those of a corpus.

    Attributes:
        percentile: Of the pieces, the share with less, and half of those with the same value, in percent.
        outlying: -1 or 1 where it is below or above the central 95 % of them, 0 where it is among these.
    """

    percentile: float
    outlying: int


@dataclass(frozen=True)
class CorpusMeasures:
    """Every measure of every piece.

    Attributes:
        corpus: The corpus's name or folder, as the user wrote it.
        values: [P] for each measure, None where a piece has nothing to measure.
    """

    corpus: str
    values: Mapping[str, tuple[Value, ...]]

    @property
    def num_pieces(self) -> int:
        """Number of pieces P."""
        return len(self.values["in_key"])

    def known(self, name: str) -> NDArray[np.float64]:
        """Return a measure's values, ascending, of the pieces that have one."""
        return np.sort([value for value in self.values[name] if value is not None])

    def quantiles(self, name: str, *shares: float) -> tuple[float, ...]:
        """Return quantiles of a measure, each a value of some piece; none where no piece has one."""
        known = self.known(name)
        return tuple(np.quantile(known, shares, method="nearest").tolist()) if len(known) else ()

    def rank(self, name: str, value: float) -> CorpusRank | None:
        """Return the rank of a measure's value; None if no piece has one."""
        known = self.known(name)
        if not len(known):
            return None
        low, high = self.quantiles(name, *CENTRE)
        below, up_to = np.searchsorted(known, value), np.searchsorted(known, value, side="right")
        return CorpusRank(float(50 * (below + up_to) / len(known)), int(value > high) - int(value < low))


def corpus_measures(melodies: Melodies, index: CorpusIndex, folder: Path | None = None) -> CorpusMeasures:
    """Measure a corpus, or read the stored measures.

    Args:
        melodies: The pieces.
        index: Of the same pieces.
        folder: The cache's folder; the user's own by default.

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
    """Return what is stored, or None if it is missing or damaged and must be made again."""
    try:
        values = {name: tuple(of_measure) for name, of_measure in json.loads(path.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return None
    is_whole = values.keys() == MEASURES.keys() and all(len(of_measure) == num_pieces for of_measure in values.values())
    return values if is_whole else None
