"""Train settings of a family's default space to the end and record their learning curves, for replaying policies.

    python benchmarks/record.py composer --settings 400
    python benchmarks/record.py stylenet --settings 150

Half of the settings are sampled at random from the space. The others are the known good points of the default search,
and points near them: each of their values is sampled again with a probability of .3. The composer is trained on the
tunes 201 to 350 of O'Neill's collection, so that 400 settings take about two hours of processor time; StyleNet on the
synthetic performances.

Ctrl-C stops it; the same command resumes, and adds what is missing.
"""

import argparse
import contextlib
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from simulated.table import CORPORA, append, make_corpus, recorded, table_of

from data_prep.randomness import integer_seed, stream
from models.families import family as find_family
from models.family import EpochReport
from models.spec import Value
from search.spec.file import load

_KEPT = 0.7
"""Probability of keeping a value of a known good point."""

_REPEATED = 40
"""Interval, in settings, at which the known good points are trained again with another random seed."""


def setting(family: str, number: int) -> dict[str, Value]:
    """Return a setting of the default space; its number and the default search at that time determine it."""
    import optuna

    search = load(family)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(integer_seed(0, "recorded", trial=number)))
    if number % _REPEATED < len(search.prior):
        study.enqueue_trial(dict(search.prior[number % _REPEATED]))
    elif number % 2:
        draws = stream(0, "recorded near a point", trial=number)
        point = search.prior[draws.integers(len(search.prior))]
        study.enqueue_trial({name: value for name, value in point.items() if draws.random() < _KEPT})
    return search.space(study.ask())


@cache
def _prepared(family: str, corpus: str) -> Any:
    import optuna
    import torch

    from data_prep.prepared.corpus import prepare

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    section = load(family).data
    kind = find_family(family).data_kind
    return prepare(corpus, kind=kind, repeats=section.repeats, num_folds=section.num_parts, seed=section.seed).data


def train(task: tuple[str, str, int]) -> tuple[int, Mapping[str, Any]]:
    """Train a setting to the end.

    Args:
        task: The family, the corpus and the setting's number.

    Returns:
        The number, and the row of the table: the values, and for each epoch the objective of every fold and the
        seconds of processor time. The row of a trial that diverged ends with the last finite epoch.
    """
    from search.trials.training import TrialDivergedError, train_trial

    name, corpus, number = task
    family, data = find_family(name), _prepared(name, corpus)
    values = setting(name, number)
    folds: list[list[float]] = []
    seconds: list[float] = []
    began = time.process_time()

    def report(epoch: EpochReport) -> None:
        nonlocal began
        now = time.process_time()
        folds.append([round(value, 4) for value in epoch.metrics[family.metrics[0].name].values])
        seconds.append(round(now - began, 3))
        began = now

    spec = family.spec_type.from_values(values)
    with contextlib.suppress(TrialDivergedError):
        train_trial(family, spec, data, report, seed=0, number=number, files=None, device="cpu")
    searched = {key: value for key, value in values.items() if key in load(name).space.searched}
    return number, {"values": searched, "folds": folds, "seconds": seconds}


def main() -> int:
    """Record what is missing; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("family", choices=sorted(CORPORA))
    parser.add_argument("--settings", type=int, default=400)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    path = table_of(options.family)
    missing = sorted(set(range(options.settings)) - recorded(path).keys())
    with tempfile.TemporaryDirectory() as folder:
        corpus = make_corpus(options.family, Path(folder))
        tasks = [(options.family, corpus, number) for number in missing]
        with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
            for done, (number, row) in enumerate(pool.imap_unordered(train, tasks), start=1):
                append(path, options.family, number, row)
                last = row["folds"][-1] if row["folds"] else [float("nan")]
                print(
                    f"{done} of {len(tasks)}: setting {number}, {sum(last) / len(last):.4f} after "
                    f"{len(row['folds'])} epochs in {sum(row['seconds']):.0f} s",
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
