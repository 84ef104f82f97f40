"""Time to read all of O'Neill's, cold (nothing cached, two processes) and warm, and the additional time for bad files.

    python benchmarks/reading.py

3,000 small files of one tune each are read with and without 50 additional files of random bytes. Each figure is the
time of a new process, imports included.
"""

import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from summary import RESULTS, figure, write

COLD_LIMIT = 10.0
WARM_LIMIT = 0.3
BAD_LIMIT = 5.0
PROCESSES = 2
NUM_GOOD, NUM_BAD = 3000, 50

_SCRIPT = """
import time
begin = time.perf_counter()
from data_prep.prepared.corpus import prepare
if __name__ == "__main__":
    prepared = prepare({corpus!r}, kind={kind!r}, processes={processes})
    print(time.perf_counter() - begin, prepared.num_read)
"""


def prepared_in(corpus: str, cache: Path, kind: str = "melodies") -> tuple[float, int]:
    """Prepare a corpus in a new process.

    Args:
        corpus: Its name or folder.
        cache: Folder of the cache; empty for a cold start.
        kind: The kind of data.

    Returns:
        The time (seconds), imports included, and the number of pieces that were read.
    """
    script = cache / "measure.py"
    script.write_text(_SCRIPT.format(corpus=corpus, kind=kind, processes=PROCESSES))
    environment = {**os.environ, "TUNESMITH_CACHE": str(cache / "cache"), "PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, str(script)], env=environment, check=True, capture_output=True, text=True)
    seconds, num_read = done.stdout.split()
    return float(seconds), int(num_read)


def small_files_in() -> tuple[float, float]:
    """Return the time for many small files without bad ones, and with bad ones (seconds)."""
    random = np.random.default_rng(0)
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryDirectory() as cache,
        tempfile.TemporaryDirectory() as other_cache,
    ):
        for number in range(NUM_GOOD):
            bars = "|".join("".join(random.choice(list("CDEFGABcdefgab"), 8)) for _ in range(4))
            (Path(folder) / f"tune{number:04}.abc").write_text(f"X:1\nM:4/4\nL:1/8\nK:G\n{bars}|]\n")
        good, _ = prepared_in(folder, Path(cache))
        for number in range(NUM_BAD):
            (Path(folder) / f"bad{number:02}.mid").write_bytes(random.bytes(300))
        return good, prepared_in(folder, Path(other_cache))[0]


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    with tempfile.TemporaryDirectory() as folder:
        cold, num_read = prepared_in("oneills-all", Path(folder))
        warm = min(prepared_in("oneills-all", Path(folder))[0] for _ in range(3))
    good, with_bad = small_files_in()
    result: dict[str, Any] = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "processes": PROCESSES,
        "tunes": num_read,
        "small_files_s": good,
        "figures": [
            figure("reading all of O'Neill's, s", cold, at_most=COLD_LIMIT),
            figure("the same from the cache, s", warm, at_most=WARM_LIMIT),
            figure(f"what {NUM_BAD} bad files among {NUM_GOOD} cost, s", with_bad - good, at_most=BAD_LIMIT),
        ],
    }
    print(
        f"{num_read} tunes: cold {cold:.1f} s (at most {COLD_LIMIT:g}), warm {warm:.2f} s (at most {WARM_LIMIT:g}); "
        f"{NUM_GOOD} small files: {good:.1f} s, with {NUM_BAD} bad ones {with_bad:.1f} s"
    )
    return write(result, RESULTS / "reading.json")


if __name__ == "__main__":
    sys.exit(main())
