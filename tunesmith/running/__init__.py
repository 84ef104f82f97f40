"""Running a search, a single trial or a promotion: what commands and the functions for Python share."""
