"""One trial: training it, its files, and the storage of a search's trials."""
