"""``tunesmith listen``: listening tests."""
