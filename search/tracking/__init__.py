"""MLflow: the runs of a search, the thread that writes them, and the store."""
