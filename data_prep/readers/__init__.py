"""One reader for each kind of score."""
