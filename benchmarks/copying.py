"""Time of a training step with copying compared with one without, with the composer's defaults on O'Neill's tunes.

    python benchmarks/copying.py [--out FILE]

The two composers take turns in one process on one thread; CPU time is measured.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from lockstep import hardware
from summary import figure, write

from data_prep.melodies.arrays import Melodies
from data_prep.prepared.corpus import prepare
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.folded.optimiser import FoldedOptimiser

RATIO_LIMIT = 1.25
STEPS, WARM_UP = 160, 10
RESULT = Path(__file__).parent / "results" / "copying.json"


def steps(spec: ComposerSpec, data: Melodies) -> Iterator[float]:
    """Train, and yield the CPU time of each step (seconds)."""
    task = ComposerTask(spec, data, seed=0, trial=0, device="cpu")
    optimiser = FoldedOptimiser(task.model.parameters(), spec.optimiser, weight_decay=spec.weight_decay, clip=spec.clip)
    losses = task.losses(1)
    for _ in range(STEPS):
        began = time.process_time()
        optimiser.step(next(losses).loss, 1e-3)
        yield time.process_time() - began


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if the limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = prepare("oneills").data
    contenders = [steps(ComposerSpec(copying="off"), data), steps(ComposerSpec(), data)]
    pairs = list(zip(*contenders, strict=True))[WARM_UP:]
    without, copying = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(with_copying / plain for plain, with_copying in pairs)
    result: dict[str, Any] = {
        "hardware": hardware(),
        "without copies, s a step": without,
        "with copies, s a step": copying,
        "figures": [figure("a training step with copies over one without, time", ratio, at_most=RATIO_LIMIT)],
    }
    print(json.dumps(result, indent=2))
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
