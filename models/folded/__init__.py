"""Layers whose parameters carry a leading fold axis, so that all folds of a trial train in lockstep."""
