"""The study: opening it under an exclusive lease, recording trials and reading them."""
