"""Promotion: who wins, the refit, the sealed test, and the registered model."""
