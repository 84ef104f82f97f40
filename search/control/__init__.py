"""Requests to the process that runs a search: their form, their folder, and asking from another process."""
