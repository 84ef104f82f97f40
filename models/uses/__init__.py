"""What trained models are used for: what can be asked of one, and what a family offers to answer it."""
