# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (pyarrow has no types)
"""Tests of the note table as an Arrow file."""

import json
from collections.abc import Callable

import pyarrow as pa
import pytest
from pyarrow import ipc

from data_prep.errors import BadInputError
from data_prep.readers.note_table import FORMAT, from_bytes, to_bytes
from data_prep.readers.notes import Piece, Reading


def test_columns_and_null_velocities_of_the_table(oneills: Callable[[str, str], Piece]) -> None:
    table = ipc.open_file(pa.BufferReader(to_bytes(Reading((oneills("0201-0300.abc", "203"),), ())))).read_all()
    assert table.column_names == [
        "piece",
        "onset",
        "duration",
        "pitch",
        "spelling",
        "chord_size",
        "tied",
        "velocity",
    ]
    assert table.column("velocity").null_count == table.num_rows


def test_a_table_of_a_newer_version_is_rejected() -> None:
    table = ipc.open_file(pa.BufferReader(to_bytes(Reading((), ())))).read_all()
    metadata = json.loads(table.schema.metadata[b"tunesmith"]) | {"format": FORMAT + 1}
    sink = pa.BufferOutputStream()
    with ipc.new_file(sink, table.schema.with_metadata({b"tunesmith": json.dumps(metadata).encode()})) as writer:
        writer.write_table(table)
    with pytest.raises(
        BadInputError, match=r"reads note tables up to format \d: got format \d \(x\.arrow\); upgrade tunesmith"
    ):
        from_bytes(sink.getvalue().to_pybytes(), "x.arrow")
