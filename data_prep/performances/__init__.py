"""Piano performances from MIDI files: filtered, grouped by composition, and assembled into flat arrays."""
