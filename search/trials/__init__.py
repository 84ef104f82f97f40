"""One trial: training it, its files, and the storage where a search's trials save."""
