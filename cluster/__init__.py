"""Where trials run: the Ray session and its resources."""
