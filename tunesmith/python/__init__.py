"""The functions and classes of ``import tunesmith``."""
