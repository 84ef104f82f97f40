"""The report of a search as one HTML file, which needs no other file and no network."""
