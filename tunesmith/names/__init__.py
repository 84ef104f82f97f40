"""Finding the trial, the trained model or the registered version that a user names."""
