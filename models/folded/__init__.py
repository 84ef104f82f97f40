"""Layers, losses and optimisers with a leading fold axis: G independent models, computed together."""
