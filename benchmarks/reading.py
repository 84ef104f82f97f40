"""How long all of O'Neill's takes to read: cold (nothing cached, two processes) and warm, imports included.

Each figure is of a process of its own, started as a user would start it. Written to benchmarks/results/reading.json
with the hardware; the limits are those that the project set itself.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from summary import figure

COLD_LIMIT = 90.0
WARM_LIMIT = 1.0
PROCESSES = 2

_SCRIPT = """
import time
begin = time.perf_counter()
from data_prep.prepared import prepare
if __name__ == "__main__":
    prepared = prepare({corpus!r}, processes={processes})
    print(time.perf_counter() - begin, prepared.num_read)
"""


def measure(corpus: str, cache: Path) -> tuple[float, int]:
    """Prepare a corpus in a fresh process.

    Args:
        corpus: Its name.
        cache: The cache's folder, empty for a cold start.

    Returns:
        Seconds, imports included, and the pieces that were read.
    """
    script = cache / "measure.py"
    script.write_text(_SCRIPT.format(corpus=corpus, processes=PROCESSES))
    environment = {**os.environ, "TUNESMITH_CACHE": str(cache / "cache"), "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, str(script)], env=environment, check=True, capture_output=True, text=True)
    seconds, num_read = done.stdout.split()
    return float(seconds), int(num_read)


def main() -> int:
    """Measure, print and store; the exit status is 1 where a limit is missed."""
    with tempfile.TemporaryDirectory() as folder:
        cold, num_read = measure("oneills-all", Path(folder))
        warm = min(measure("oneills-all", Path(folder))[0] for _ in range(3))
    result: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "processes": PROCESSES,
        "tunes": num_read,
        "figures": [
            figure("reading all of O'Neill's, s", cold, at_most=COLD_LIMIT),
            figure("the same from the cache, s", warm, at_most=WARM_LIMIT),
        ],
    }
    target = Path(__file__).parent / "results" / "reading.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(result, indent=2) + "\n")
    print(
        f"{num_read} tunes: cold {cold:.1f} s (at most {COLD_LIMIT:.0f}), warm {warm:.2f} s (at most {WARM_LIMIT:.0f})"
    )
    return int(cold > COLD_LIMIT or warm > WARM_LIMIT)


if __name__ == "__main__":
    sys.exit(main())
