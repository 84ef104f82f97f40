"""Humdrum kern files: spines, tokens and repeats."""
