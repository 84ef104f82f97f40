"""What a search needs besides its driver: the chosen file, its data, its baselines, a dry run."""
