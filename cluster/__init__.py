"""Where trials run: the Ray session, its nodes and their resources."""
