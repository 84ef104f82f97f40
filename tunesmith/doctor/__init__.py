"""The checks of ``tunesmith doctor``: the search, this machine and the nodes."""
