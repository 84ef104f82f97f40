"""StyleNet: a family of models that predict the velocity of each note of a piano piece, for each style."""
