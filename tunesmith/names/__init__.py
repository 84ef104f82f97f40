"""What a name refers to: a trial, a trained model, a registered version."""
