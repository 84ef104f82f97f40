"""Readers of scores, one for each format."""
