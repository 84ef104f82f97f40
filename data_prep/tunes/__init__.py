"""Tunes in notation: keys, spelling, measures, prompts, and copies from a corpus."""
