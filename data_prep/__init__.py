"""From files to arrays: readers, notes, encodings, folds and random streams."""
