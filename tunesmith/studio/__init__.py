"""``tunesmith studio``: a web page to compose and perform with trained models."""
