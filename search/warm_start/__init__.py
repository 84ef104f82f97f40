"""Warm starts: what a new search takes from earlier searches, mapped to its space and chosen for coverage."""
