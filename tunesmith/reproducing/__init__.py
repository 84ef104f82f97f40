"""Reproducing published results: an experiment as a search, its outcome compared with the paper, and its page."""
