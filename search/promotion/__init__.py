"""Promotion: the rule, the refit, the sealed test, and the registered model."""
