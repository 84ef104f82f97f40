"""The note table: a reading of a file, stored as an Arrow IPC file with one row per note and headings as JSON metadata.

Columns: piece (index of the voice in the file), onset and duration (ticks of the piece's resolution), pitch (MIDI, -1
for a rest), spelling, chord_size, tied, velocity (null if the source has none).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from importlib import import_module
from io import BytesIO
from typing import Any

import numpy as np

from data_prep.readers.notes import Heading, Key, Metre, Piece, Reading, Unread
from data_prep.storage.format import check_format
from data_prep.wording import counted

FORMAT = 2
"""Version of the stored table's format; newer versions of this package write greater numbers."""

_METADATA = b"tunesmith"
_ARRAYS = ("onset", "duration", "pitch", "chord_size", "tied", "velocity")

LIBRARY = "pyarrow.ipc"
"""Module that stores and reads tables. It is slow to import, so it is imported only by the functions that need it."""


def to_bytes(reading: Reading) -> bytes:
    """Serialize a reading to an Arrow IPC file."""
    pa: Any = import_module("pyarrow")
    pieces = reading.pieces

    def column(name: str, dtype: type[np.generic]) -> Any:
        return np.concatenate([getattr(piece, name) for piece in pieces] or [np.array([], dtype)])

    velocity = column("velocity", np.int16)
    lengths = [len(piece.pitch) for piece in pieces]
    columns = {
        "piece": np.repeat(np.arange(len(pieces), dtype=np.int32), lengths),
        "onset": column("onset", np.int64),
        "duration": column("duration", np.int64),
        "pitch": column("pitch", np.int16),
        "spelling": pa.array([name for piece in pieces for name in piece.spelling], pa.string()).dictionary_encode(),
        "chord_size": column("chord_size", np.int16),
        "tied": column("tied", np.bool_),
        "velocity": pa.array(velocity, mask=velocity < 0),
    }
    metadata = {
        "format": FORMAT,
        "pieces": [
            {**_heading_to_json(piece.heading), "resolution": piece.resolution, "length": length}
            for piece, length in zip(pieces, lengths, strict=True)
        ],
        "unread": [{"tune": unread.tune, "reason": unread.reason} for unread in reading.unread],
        "checksum": _checksum(pieces),
    }
    table = pa.table(columns).replace_schema_metadata({_METADATA: json.dumps(metadata).encode()})
    buffer = BytesIO()
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


def from_bytes(data: bytes, where: str) -> Reading:
    """Deserialize a reading.

    Args:
        data: Bytes returned by ``to_bytes``.
        where: Where they are stored, for the error message.

    Returns:
        The reading.

    Raises:
        BadInputError: If they were written by a newer version.
        ValueError: If they are damaged.
    """
    pa: Any = import_module("pyarrow")
    table: Any = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    table.validate(full=True)
    stored: dict[bytes, bytes] = table.schema.metadata or {}
    metadata = json.loads(stored[_METADATA])
    check_format("note tables", metadata["format"], FORMAT, where)
    columns = {name: table.column(name).combine_chunks() for name in table.column_names}
    columns["velocity"] = columns["velocity"].fill_null(-1)
    arrays = {name: columns[name].to_numpy(zero_copy_only=False) for name in _ARRAYS}
    spellings = columns["spelling"].to_pylist()
    pieces: list[Piece] = []
    begin = 0
    for entry in metadata["pieces"]:
        rows = slice(begin, begin + entry["length"])
        begin += entry["length"]
        pieces.append(
            Piece(
                heading=_heading_from_json(entry),
                resolution=entry["resolution"],
                spelling=tuple(spellings[rows]),
                **{name: array[rows] for name, array in arrays.items()},
            )
        )
    if begin != table.num_rows:
        raise ValueError(f"the headings describe {counted(begin, 'row')}, the table has {table.num_rows} ({where})")
    if _checksum(pieces) != metadata["checksum"]:
        raise ValueError(f"the pieces are not those that were written ({where})")
    return Reading(tuple(pieces), tuple(Unread(**unread) for unread in metadata["unread"]))


def _checksum(pieces: Sequence[Piece]) -> str:
    """Return a digest of everything that is stored of pieces, to detect damage: Arrow's format has no checksum."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(repr((piece.heading, piece.resolution, piece.spelling)).encode())
        for name in _ARRAYS:
            digest.update(getattr(piece, name).tobytes())
    return digest.hexdigest()


def _heading_to_json(heading: Heading) -> dict[str, Any]:
    return {
        **asdict(heading),
        "metres": [[str(metre.onset), metre.beats, metre.unit] for metre in heading.metres],
        "keys": [[str(key.onset), key.tonic, key.mode] for key in heading.keys],
        "pickup": str(heading.pickup),
        "begin": str(heading.begin),
    }


def _heading_from_json(entry: dict[str, Any]) -> Heading:
    return Heading(
        **{name: entry[name] for name in ("tune", "part", "title", "composer", "num_parts")},
        metres=tuple(Metre(Fraction(onset), beats, unit) for onset, beats, unit in entry["metres"]),
        keys=tuple(Key(Fraction(onset), tonic, mode) for onset, tonic, mode in entry["keys"]),
        pickup=Fraction(entry["pickup"]),
        begin=Fraction(entry["begin"]),
    )
