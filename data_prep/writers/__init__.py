"""One writer for each kind of file that a tune becomes."""
