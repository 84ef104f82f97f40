"""Performing files: what is performed and where it is written, one file at a time, and the report."""
