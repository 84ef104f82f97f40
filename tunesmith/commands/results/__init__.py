"""Commands that show what searches found."""
