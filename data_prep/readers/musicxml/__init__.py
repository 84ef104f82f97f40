"""MusicXML files: checked, unpacked, and read through music21."""
