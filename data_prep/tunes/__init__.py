"""Tunes as they are written down: keys, spelling, measures, prompts, and what they copy from a corpus."""
