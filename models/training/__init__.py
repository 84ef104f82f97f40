"""Training of folded models: the loop, checkpoints, and memory."""
