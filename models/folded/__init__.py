"""Layers, losses and optimisers with a leading fold axis: G models that share nothing, computed together."""
