"""Commands that make music with trained models."""
