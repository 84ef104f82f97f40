"""Replace the velocities of a MIDI file's notes in its bytes, without changing anything else.

No library writes every file back unchanged, with the same timing, controllers, sysex, unknown chunks and order of
events.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.pitches import MAX_VELOCITY
from data_prep.readers.midi.files import MidiNotes


def with_velocities(data: bytes, notes: MidiNotes, velocity: NDArray[np.integer]) -> bytes:
    """Return a MIDI file with other velocities.

    Args:
        data: The contents of the file.
        notes: All or some of its notes.
        velocity: [n] velocities 1..127 of these notes.

    Returns:
        The contents with these velocities; every other byte is unchanged.
    """
    assert velocity.shape == notes.offset.shape
    assert np.issubdtype(velocity.dtype, np.integer)
    assert ((velocity >= 1) & (velocity <= MAX_VELOCITY)).all()
    changed = np.frombuffer(data, np.uint8).copy()
    changed[notes.offset] = velocity
    return changed.tobytes()
