"""Listening tests: their design, audio, page, server, answers and statistics."""
