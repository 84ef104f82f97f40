"""The paper of this family: its settings as presets, and its results as experiments."""
