"""Data preparation, from files to arrays: readers, corpora, encodings, folds and random streams."""
