"""Prepared corpora: made once for the same inputs, stored in one file each, and put under a model's alphabets."""
