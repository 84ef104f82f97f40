"""Piano performances from MIDI files, filtered, grouped by composition, in flat arrays; and scores as MIDI."""
