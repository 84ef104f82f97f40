"""tunesmith doctor: the checks of a search and of the nodes it would run on."""
