"""The search file: its sections, the search space, and errors with line numbers."""
