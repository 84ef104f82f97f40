"""From MIDI files to piano performances: filtered, joined into compositions, and assembled into flat arrays."""
