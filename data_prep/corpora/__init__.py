"""Named corpora and folders: their files, the origins of pieces, and the split into folds."""
