"""What is trained: model families, their settings, lockstep layers, training and the objective."""
