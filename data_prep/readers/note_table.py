"""The note table: a file's reading stored as an Arrow IPC file, one row a note, with the headings as JSON metadata.

Columns: piece (which of the file's voices), onset and duration (whole ticks of the piece's resolution), pitch (MIDI,
-1 for a rest), spelling, chord_size, tied, velocity (null where the source has none).
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from io import BytesIO
from typing import Any

import numpy as np

from data_prep.readers.notes import Heading, Key, Metre, Piece, Reading, Unread
from data_prep.storage.format import check_format
from data_prep.wording import counted

FORMAT = 1
"""The format of the stored table; a newer version writes a greater number."""

_METADATA = b"tunesmith"


LIBRARY = "pyarrow.ipc"
"""The module that reading or storing a table needs: it is slow to import, so it is imported then."""


def _pyarrow() -> Any:
    import pyarrow as pa

    return pa


def to_bytes(reading: Reading) -> bytes:
    """Store a reading as an Arrow IPC file: one row a note, headings in the schema's metadata."""
    pa, pieces = _pyarrow(), reading.pieces
    velocity = np.concatenate([piece.velocity for piece in pieces]) if pieces else np.array([], np.int16)

    def column(name: str, dtype: type[np.generic]) -> Any:
        return pa.array(np.concatenate([getattr(piece, name) for piece in pieces] or [np.array([], dtype)]))

    lengths = [len(piece.pitch) for piece in pieces]
    columns = {
        "piece": pa.array(np.repeat(np.arange(len(pieces), dtype=np.int32), lengths)),
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
    """Restore a reading.

    Args:
        data: What ``to_bytes`` gave.
        where: Where it is stored, for the error.

    Returns:
        The reading.

    Raises:
        BadInputError: If a newer version wrote it.
        ValueError: If it is damaged.
    """
    pa = _pyarrow()
    table: Any = pa.ipc.open_file(pa.BufferReader(data)).read_all()
    table.validate(full=True)
    stored: dict[bytes, bytes] = table.schema.metadata or {}
    metadata = json.loads(stored[_METADATA])
    check_format("note tables", metadata["format"], FORMAT, where)

    def column(name: str) -> Any:
        return table.column(name).combine_chunks()

    arrays = {name: column(name).to_numpy(zero_copy_only=False) for name in ("onset", "duration", "pitch")}
    arrays |= {name: column(name).to_numpy(zero_copy_only=False) for name in ("chord_size", "tied")}
    arrays["velocity"] = column("velocity").fill_null(-1).to_numpy(zero_copy_only=False)
    spellings = column("spelling").to_pylist()
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
        raise ValueError(f"the headings tell of {counted(begin, 'row')}, the table has {table.num_rows} ({where})")
    if _checksum(pieces) != metadata["checksum"]:
        raise ValueError(f"the pieces are not those that were written ({where})")
    return Reading(tuple(pieces), tuple(Unread(**unread) for unread in metadata["unread"]))


def _checksum(pieces: Sequence[Piece]) -> str:
    """Return a digest of all that is stored of pieces: Arrow's format has none, and a damaged byte is a wrong note."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(repr((piece.heading, piece.resolution, piece.spelling)).encode())
        for column in (piece.onset, piece.duration, piece.pitch, piece.chord_size, piece.tied, piece.velocity):
            digest.update(column.tobytes())
    return digest.hexdigest()


def _heading_to_json(heading: Heading) -> dict[str, Any]:
    return {
        **asdict(heading),
        "metres": [[str(metre.onset), metre.beats, metre.unit] for metre in heading.metres],
        "keys": [[str(key.onset), key.tonic, key.mode] for key in heading.keys],
        "pickup": str(heading.pickup),
    }


def _heading_from_json(entry: dict[str, Any]) -> Heading:
    return Heading(
        tune=entry["tune"],
        part=entry["part"],
        title=entry["title"],
        composer=entry["composer"],
        num_parts=entry["num_parts"],
        metres=tuple(Metre(Fraction(onset), beats, unit) for onset, beats, unit in entry["metres"]),
        keys=tuple(Key(Fraction(onset), tonic, mode) for onset, tonic, mode in entry["keys"]),
        pickup=Fraction(entry["pickup"]),
    )
