"""Training a folded model: the loop, its checkpoints, and the memory it takes."""
