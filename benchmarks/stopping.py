"""When searches with ``stop = "converged"`` end, and what they give up, replayed on recorded settings.

    python benchmarks/stopping.py [--family composer] [--seeds 8] [--output benchmarks/results]

Each search is replayed to the end of its budget, with 2 slots (benchmarks/policies.py). The expected gain is estimated
from its trials as in a running search. What is given up is the difference between the best trial at the end that
convergence would have made and the best one of all trials.
"""

import json
import math
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
from policies import Policy, replay
from simulated.options import replaying
from simulated.table import Table, read_table
from summary import figure, write

from data_prep.errors import BadInputError
from models.families import family as find_family
from search.driver.convergence import is_due
from search.driver.expected_gain import GainEstimator
from search.study.records import ExpectedGain, TrialRecord

SLOTS = 2
POLICIES = (
    Policy("default without initial points"),
    Policy("default with initial points", points="given"),
    Policy("random proposals", random=True),
)
MOST_TIME = 0.5
MOST_GIVEN_UP = 0.5


def measure_one(policy: Policy, table: Table, seed: int) -> dict[str, float] | None:
    """Return when one search ends and what it gives up; None if it does not end before its budget."""
    outcome = replay(policy, table, SLOTS, seed)
    objective = find_family(table.family).metrics[0]
    records = [record for _, record in outcome.trials]
    costs = [_cost(record, objective.name) for record in records]
    budget = policy.search(table, len(records), seed).budget.model_copy(update={"stop": "converged"})
    estimator, newest, asked_at = GainEstimator(table.space, objective), None, 0
    for finished in range(1, len(records)):
        if not is_due(finished, asked_at):
            continue
        asked_at = finished
        estimate = estimator(records[:finished])
        if estimate is None:
            continue
        newest = ExpectedGain.after(newest, *estimate, finished, budget.trials)
        if newest.ends(budget):
            best = min(costs[:finished])
            return {
                "trials": finished,
                "share_of_time": outcome.trials[finished - 1][0] / outcome.end,
                "better_settings": float(np.mean(np.array(list(table.final.values())) < best - 1e-9)),
                "given_up": best - min(costs),
                "standard_error": newest.standard_error,
            }
    return None


def _cost(record: TrialRecord, metric: str) -> float:
    """Return the objective of a full trial, infinity for others."""
    last = record.last(metric)
    return last.mean if record.state == "COMPLETE" and last is not None else math.inf


def measure(table: Table, seeds: int, pool: ProcessPoolExecutor) -> dict[str, Any]:
    """Replay all searches, print a table, and return the result."""
    rows: list[dict[str, Any]] = []
    for policy in POLICIES:
        ends = list(pool.map(partial(measure_one, policy, table), range(seeds)))
        rows.append({"policy": policy.name, "searches": ends})
        print(f"{policy.name:32} {_words([end for end in ends if end is not None], len(ends))}", flush=True)
    ended = [end for row in rows[:2] for end in row["searches"] if end is not None]
    relative = [end["given_up"] / end["standard_error"] for end in ended]
    name = "default searches that end when they have converged:"
    return {
        "family": table.family,
        "searches": rows,
        "figures": [
            figure(f"{name} share of the time, mean", _mean(ended, "share_of_time"), at_most=MOST_TIME),
            figure(f"{name} gain given up, in standard errors, mean", float(np.mean(relative)), at_most=MOST_GIVEN_UP),
        ],
    }


def _mean(ends: Sequence[Mapping[str, float]], name: str) -> float:
    return float(np.mean([end[name] for end in ends]))


def _words(ends: Sequence[Mapping[str, float]], of: int) -> str:
    if not ends:
        return f"none of {of} ended"
    low, high = ({name: pick(end[name] for end in ends) for name in ends[0]} for pick in (min, max))
    return (
        f"{len(ends)} of {of} ended after {low['trials']} to {high['trials']} trials, "
        f"{low['share_of_time']:.0%} to {high['share_of_time']:.0%} of the time; "
        f"better settings {low['better_settings']:.1%} to {high['better_settings']:.1%}; "
        f"given up {low['given_up']:.3f} to {high['given_up']:.3f}, mean {_mean(ends, 'given_up'):.3f}; "
        f"standard error {low['standard_error']:.3f} to {high['standard_error']:.3f}"
    )


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    options = replaying(__doc__).parse_args()
    try:
        table = read_table(options.family)
    except BadInputError as error:
        print(error, file=sys.stderr)
        return 2
    with ProcessPoolExecutor(options.processes) as pool:
        result = measure(table, options.seeds, pool)
    name = "stopping" if options.family == "composer" else f"stopping-{options.family}"
    print(json.dumps(result["figures"], indent=2))
    return write(result, options.output / f"{name}.json")


if __name__ == "__main__":
    sys.exit(main())
