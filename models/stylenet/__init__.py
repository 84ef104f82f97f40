"""StyleNet: a family of models that predict how loud each note of a piano piece is played, in each style."""
