"""Parts of benchmarks/utilisation.py."""
