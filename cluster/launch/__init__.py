"""Launching a cluster: templates, Ray's launcher, and searches as jobs."""
