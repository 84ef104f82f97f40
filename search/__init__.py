"""Searches: their trials, study, sampler and scheduler, MLflow tracking, and promotion."""
