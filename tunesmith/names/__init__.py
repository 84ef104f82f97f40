"""What a user's text names: a trial, a trained model, a registered version."""
