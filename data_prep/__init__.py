"""From files to the raw material of tensors: scores in, notes, encodings, folds, random streams."""
