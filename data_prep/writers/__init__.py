"""One writer for each file format of tunes."""
