"""Importances of hyperparameters, and interactive pictures of a search."""
