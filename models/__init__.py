"""Model families, their settings, lockstep layers, training and the objective."""
