"""The reference backend: torch's operators, with backward passes written out, on every device."""
