"""StyleNet: models that predict the velocities of piano pieces in several styles."""
