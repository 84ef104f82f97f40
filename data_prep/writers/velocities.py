"""New velocities for a MIDI file's own notes, written into its bytes, without changing anything else.

The bytes are changed instead of being read and written by a library, since none writes every file back unchanged:
timing, controllers, sysex, unknown chunks and the order of events have to stay.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.pitches import MAX_VELOCITY
from data_prep.readers.midi.file import MidiNotes


def with_velocities(data: bytes, notes: MidiNotes, velocity: NDArray[np.integer]) -> bytes:
    """Return a MIDI file with other velocities.

    Args:
        data: The file.
        notes: Of this file; all or some of them.
        velocity: [n] 1..127, one for each of the notes.

    Returns:
        The file with these velocities; every other byte is unchanged.
    """
    assert velocity.shape == notes.offset.shape
    assert np.issubdtype(velocity.dtype, np.integer)
    assert ((velocity >= 1) & (velocity <= MAX_VELOCITY)).all()
    changed = np.frombuffer(data, np.uint8).copy()
    changed[notes.offset] = velocity
    return changed.tobytes()
