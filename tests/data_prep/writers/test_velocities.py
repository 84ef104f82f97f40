"""Velocities written into the bytes of a file, without other changes."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from data_prep.randomness import stream
from data_prep.readers.midi.files import MidiNotes, read
from data_prep.writers.velocities import with_velocities
from tests.hand_midi import END, file, riff
from tests.midi_files import FILES, Event, body

PERFORMANCES = os.environ.get("TUNESMITH_TEST_PERFORMANCES")


def others(notes: MidiNotes) -> NDArray[np.int64]:
    """Return a velocity for every note that differs from its own."""
    shift = stream(1, "other velocities").integers(1, 127, len(notes.tick))
    return (notes.velocity.astype(np.int64) - 1 + shift) % 127 + 1


def changed_alone(data: bytes) -> None:
    """Check that new velocities change only the bytes of the notes, and nothing else that is read."""
    notes = read(data).notes
    assert with_velocities(data, notes, notes.velocity) == data
    wanted = others(notes)
    changed = with_velocities(data, notes, wanted)
    different = np.flatnonzero(np.frombuffer(data, np.uint8) != np.frombuffer(changed, np.uint8))
    assert len(changed) == len(data)
    assert different.tolist() == notes.offset.tolist()
    again = read(changed).notes
    assert again.velocity.tolist() == wanted.tolist()
    for name in set(vars(notes)) - {"velocity"}:
        assert np.array_equal(getattr(again, name), getattr(notes, name))
    assert with_velocities(changed, again, notes.velocity) == data


@given(FILES)
def test_only_the_velocities_change(data: bytes) -> None:
    changed_alone(data)


def test_the_wrapper_of_a_file_is_unchanged() -> None:
    changed_alone(riff(file(body([Event(0, bytes([0x90, pitch, 80])) for pitch in (60, 64)]) + END)))


def test_some_of_the_notes() -> None:
    data = file(body([Event(0, bytes([0x90, pitch, 80]), running=True) for pitch in (60, 64, 67)]) + END)
    top = read(data).notes.of(np.array([2]))
    assert read(with_velocities(data, top, np.array([9]))).notes.velocity.tolist() == [80, 80, 9]


@pytest.mark.skipif(PERFORMANCES is None, reason="TUNESMITH_TEST_PERFORMANCES names no folder of performances")
def test_real_performances() -> None:
    paths = sorted(Path(str(PERFORMANCES)).glob("*/*.mid"))
    assert len(paths) > 10
    for path in paths[::20]:
        changed_alone(path.read_bytes())
