"""The parts of benchmarks/utilisation.py."""
