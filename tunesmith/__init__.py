"""The command line, which composes data_prep, models, search and cluster."""
