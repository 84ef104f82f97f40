"""Prepared corpora: made once for the same inputs, stored in one file each, and renumbered by a model's alphabets."""
