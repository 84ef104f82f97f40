"""What is kept of a search when it ends: a report in its folder, and what MLflow gets."""
