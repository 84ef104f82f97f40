"""What MLflow gets of a search in the end, and single trials."""
