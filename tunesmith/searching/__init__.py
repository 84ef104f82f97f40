"""Preparing a search: its file, data and baselines, the shares of GPUs, and the dry run."""
