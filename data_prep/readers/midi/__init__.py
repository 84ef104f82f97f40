"""Reader of MIDI files: chunks, events, metres, and the notes of a score."""
