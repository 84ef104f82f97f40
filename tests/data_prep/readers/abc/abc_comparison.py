"""Comparison of the project's ABC reader with the second reader of the tests, and explanations of differences.

Rows are compared as (onset, pitch, duration), with adjacent rests merged. Of tunes with several voices, only the notes
are compared, with onsets relative to the first note of each voice, because the project cuts off silent bars.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from data_prep.pitches import REST
from data_prep.readers.abc import files
from data_prep.readers.notes import Piece
from tests.data_prep.readers.abc.second_abc import Tune, read_file

CORPORA = {
    "oneills1850": "O'Neill's, Music of Ireland",
    "ryansMammoth": "Ryan's Mammoth Collection",
    "airdsAirs": "Aird's Airs",
    "essenFolksong": "Essen folksong collection",
}
"""Names of collections, by folder of music21's corpus."""

_OVER_GRACE = "A tie leads over a grace note to the same pitch. The reader merges the notes; the second one does not."
_MAIL = "A mail program encoded = as =3D. The reader decodes it, the second reader reads a note D."
_NO_KEY = "The key is invalid. The reader rejects the tune, the second reader uses the valid part of the key."

EXPLAINED = {
    ("0732-0758_bs.abc", "745"): _NO_KEY,
    ("0732-0758_mh.abc", "745"): _NO_KEY,
    ("0811-0899.abc", "811"): "Chords are in plus signs, as in ABC 1. The second reader reads +...+ as a mark.",
    ("0981-1000.abc", "997"): _OVER_GRACE,
    ("0981-1000.abc", "1000"): _OVER_GRACE,
    ("1625-1700.abc", "1659"): _OVER_GRACE,
    ("ImOverYoungToMarryYetReel.abc", "1"): _MAIL,
    ("TidalWaveJig.abc", "1"): _MAIL,
    ("folkHaydn.abc", "13"): _NO_KEY,
    ("han2.abc", "374"): _NO_KEY,
    ("han2.abc", "445"): _NO_KEY,
}
"""Reasons for differences, by file and tune."""

_Row = tuple[Fraction, int | None, Fraction]


@dataclass(frozen=True)
class Compared:
    """A compared tune: whether both readings are equal, and the number of rows from the project's reader."""

    file: str
    tune: str
    is_same: bool
    num_rows: int


def compare(path: Path) -> Iterator[Compared]:
    """Read a file with both readers.

    Args:
        path: An ABC file.

    Yields:
        The comparison of each tune.
    """
    data = path.read_bytes()
    pieces: dict[str, list[Piece]] = {}
    for piece in files.read(path).pieces:
        pieces.setdefault(piece.heading.tune, []).append(piece)
    names = [name for name, _ in files.split_tunes(files.decode(data))]
    for name, second in zip(names, read_file(data), strict=True):
        ours = [_rows(piece) for piece in pieces.get(name, [])]
        theirs = _second_rows(second)
        yield Compared(path.name, name, _comparable(ours) == _comparable(theirs), sum(map(len, ours)))


def _rows(piece: Piece) -> list[_Row]:
    return [
        (Fraction(onset, piece.resolution), None if pitch == REST else pitch, Fraction(duration, piece.resolution))
        for onset, pitch, duration in zip(
            piece.onset.tolist(), piece.pitch.tolist(), piece.duration.tolist(), strict=True
        )
    ]


def _second_rows(tune: Tune) -> list[list[_Row]]:
    return [[(row.onset, row.pitch, row.duration) for row in voice] for voice in tune.voices.values()]


def _comparable(voices: Sequence[Sequence[_Row]]) -> list[list[_Row]]:
    if len(voices) == 1:
        return [_with_joined_rests(voices[0])]
    sounding = [[row for row in voice if row[1] is not None] for voice in voices]
    return [[(onset - voice[0][0], pitch, duration) for onset, pitch, duration in voice] for voice in sounding]


def _with_joined_rests(rows: Sequence[_Row]) -> list[_Row]:
    joined: list[_Row] = []
    for onset, pitch, duration in rows:
        if pitch is None and joined and joined[-1][1] is None:
            joined[-1] = (joined[-1][0], None, joined[-1][2] + duration)
        else:
            joined.append((onset, pitch, duration))
    return joined
