"""Melodies from readings: filtered, grouped with related pieces, and assembled into flat arrays."""
