"""The study database: opening it, holding it as its one driver, recording trials and reading them back."""
