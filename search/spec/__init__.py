"""The search file: its sections, the space it explores, and errors with line numbers."""
