"""MLflow: its client and store, the runs of a search, and the thread that writes them."""
