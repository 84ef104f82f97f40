"""Options of the benchmarks that replay a recorded table."""

import argparse
import os
from pathlib import Path


def replaying(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that these benchmarks share; its description is the first line of a text."""
    parser = argparse.ArgumentParser(description=(description or "").partition("\n")[0])
    parser.add_argument("--family", default="composer")
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--output", type=Path, default=Path(__file__).parents[1] / "results")
    return parser
