"""Named corpora and folders: their files, where pieces come from, and how they are split into folds."""
