"""Reader of MusicXML files: unpacked, checked, and parsed by music21."""
