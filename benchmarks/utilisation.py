"""Utilisation of 64 and 512 simulated GPUs by the code that runs real searches, on a virtual clock.

    python benchmarks/utilisation.py [--output benchmarks/results]

The decisions (ASHA, the sampler, the study with its journal on the disk) and their costs are real. The learning curves
and the variation of epoch lengths are those of the recorded settings (benchmarks/record.py). Ray's cost of an event is
measured first, in real searches with 2 and 16 slots. The GPUs and the clock are simulated; an epoch lasts a minute on
average. Before that, the simulation is compared with a real search with 2 slots and the same trials.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from simulated.cluster import SHARED_INTERPRETER, SimulatedSearch, Simulation
from simulated.costs import Costs, run_real, wait_among
from simulated.picture import draw
from simulated.recording import Recording, read
from simulated.replayed import search_of
from summary import figure, write

from cluster.session import connect

LEAST_UTILISATION = 0.95
MOST_DEVIATION = 0.05
MOST_REGRET = 0.02
MOST_EARLY = 0.05

EPOCH_S = 60.0
START_UP_S = 15.0
"""Time from requesting a worker to its first epoch (seconds): its process imports torch and fetches the data."""

TRIALS = {64: 640, 512: 4096}
SEEDS = {64: 5, 512: 1}
"""Simulated searches: which of the recorded trials a single one finds is partly luck."""

FEW, MANY = 2, 16
SHORT_S, LESS_SHORT_S = 0.3, 1.2
"""Length of an epoch in a real search with few and with many slots (seconds)."""

NUM_REAL = 48
SLOTS = (8, 64, 512)
FEW_PEERS = 4
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "utilisation.svg"


def real_costs() -> tuple[Costs, Costs, dict[int, float]]:
    """Measure Ray's costs with few and with many slots, and the time to find an answer by number of slots (seconds)."""
    costs: list[Costs] = []
    for slots, seconds in ((FEW, SHORT_S), (MANY, LESS_SHORT_S)):
        search = search_of(NUM_REAL + 3 * slots, points=slots)
        with tempfile.TemporaryDirectory() as home:
            costs.append(run_real(read(seconds), search, slots, Path(home))[1])
    with connect(num_cpus=FEW):
        waits = wait_among(SLOTS)
    return costs[0], costs[1], waits


def against_reality(costs: Costs) -> dict[str, float]:
    """Run the same trials in a real search and in a simulated one, and return the time that each took.

    There are no rungs, since ASHA's decisions depend on the order of trials, and both must do the same work.
    """
    recording, search = read(SHORT_S), search_of(NUM_REAL, points=0, epochs=2, first_rung=2)
    with tempfile.TemporaryDirectory() as home:
        meter, _ = run_real(recording, search, FEW, Path(home))
    with tempfile.TemporaryDirectory() as home:
        start_up = costs.first_start - costs.start
        simulated = Simulation(recording, search, costs, slots=FEW, home=Path(home), start_up=start_up).run()
    return {
        "real_seconds": meter.seconds,
        "simulated_seconds": simulated.end,
        "real_epochs": meter.num_epochs,
        "simulated_epochs": len(simulated.busy),
    }


def simulate(recording: Recording, costs: Costs, slots: int, seed: int = 0) -> SimulatedSearch:
    """Simulate a search on that many GPUs, with a seed of its sampler."""
    with tempfile.TemporaryDirectory() as home:
        search = search_of(TRIALS[slots])
        search = search.model_copy(update={"sampler": search.sampler.model_copy(update={"seed": seed})})
        return Simulation(recording, search, costs, slots=slots, home=Path(home), start_up=START_UP_S).run()


def regret(outcome: SimulatedSearch, recording: Recording) -> float:
    """Return how much worse the winner is than the best recorded setting (nats per note)."""
    return recording.final_of(outcome.winner[1]) - recording.best


def figures_of(outcome: SimulatedSearch, recording: Recording) -> dict[str, Any]:
    """Return the figures of a simulated search."""
    trained = sum(end - begin for begin, end in outcome.busy)
    gaps, changes = (
        [round(float(np.percentile(seconds, at)), 3) for at in (50, 99, 100)]
        for seconds in (outcome.gaps, outcome.changes)
    )
    return {
        "trials": sum(outcome.states.values()),
        "states": outcome.states,
        "epochs": len(outcome.busy),
        "hours": round(outcome.end / 3600, 3),
        "utilisation_while_trials_remain": round(outcome.utilisation(outcome.all_started, outcome.last_start), 4),
        "utilisation_over_all": round(outcome.utilisation(0.0, outcome.end), 4),
        "warm_up_seconds": round(outcome.all_started, 1),
        "drain_seconds": round(outcome.end - outcome.last_start, 1),
        "drain_utilisation": round(outcome.utilisation(outcome.last_start, outcome.end), 4),
        "driver_load": round(outcome.driver_busy / outcome.last_start, 4),
        "idle_between_epochs_seconds_50_99_100_percent": gaps,
        "idle_between_trials_seconds_50_99_100_percent": changes,
        "proposal_milliseconds_first_and_last_100": [
            round(1000 * float(np.mean(times)), 1) for times in (outcome.ask_seconds[:100], outcome.ask_seconds[-100:])
        ],
        "decisions": len(outcome.peers),
        "decisions_with_fewer_than_4_before": sum(peers < FEW_PEERS for peers in outcome.peers),
        "best_recorded": recording.best,
        "winner_as_recorded": recording.final_of(outcome.winner[1]),
        "speed_up_over_1_gpu": round(trained / outcome.end, 1),
    }


def loads(costs: dict[int, Costs], trial_seconds: float, epochs_per_trial: float) -> dict[str, dict[str, float]]:
    """Compute the driver's load from the measured costs, by epoch length and number of GPUs.

    Args:
        costs: Ray's costs by number of GPUs.
        trial_seconds: The driver's time to end a trial and start the next, late in a search, without waits (seconds).
        epochs_per_trial: Mean number of epochs of a trial.

    Returns:
        The share of the driver's time by epoch length and number of GPUs; above 1, the driver falls behind.
    """
    table: dict[str, dict[str, float]] = {}
    for seconds in (1, 10, 60, 600):
        row = table[f"{seconds} s"] = {}
        for slots, cost in costs.items():
            epoch = cost.wait + cost.epoch + cost.own_epoch + (2 * cost.wait + trial_seconds) / epochs_per_trial
            row[f"{slots} GPUs"] = round(SHARED_INTERPRETER * epoch * slots / seconds, 4)
    return table


def measure(picture: Path) -> dict[str, Any]:
    """Measure the costs, simulate the searches, draw the picture, and return the result."""
    few, many, waits = real_costs()
    costs = {slots: replace(few, wait=wait) for slots, wait in waits.items()}
    reality = against_reality(few)
    print(json.dumps({"costs": [asdict(few), asdict(many)], "waits": waits, "reality": reality}, indent=2), flush=True)
    recording = read(EPOCH_S)
    outcomes: list[SimulatedSearch] = []
    regrets: dict[int, list[float]] = {}
    for slots, num_seeds in SEEDS.items():
        began = time.perf_counter()
        searches = [simulate(recording, costs[slots], slots, seed) for seed in range(num_seeds)]
        print(f"{slots} GPUs: {num_seeds} searches simulated in {time.perf_counter() - began:.0f} s", flush=True)
        outcomes.append(searches[0])
        regrets[slots] = [regret(search, recording) for search in searches]
    draw(outcomes, EPOCH_S, picture)
    shown = {outcome.slots: figures_of(outcome, recording) for outcome in outcomes}
    last = outcomes[-1]
    trial_seconds = float(np.mean(last.ask_seconds[-100:])) / SHARED_INTERPRETER - 2 * waits[last.slots]
    deviation = abs(reality["simulated_seconds"] / reality["real_seconds"] - 1)
    figures = [figure("simulated over real time of a search, off by", deviation, at_most=MOST_DEVIATION)]
    for slots, row in shown.items():
        busy = row["utilisation_while_trials_remain"]
        early = row["decisions_with_fewer_than_4_before"] / row["decisions"]
        figures += [
            figure(f"utilisation of {slots} simulated GPUs while trials remain", busy, at_least=LEAST_UTILISATION),
            figure(
                f"mean regret of {slots} simulated GPUs' winners, nats per note",
                float(np.mean(regrets[slots])),
                at_most=MOST_REGRET,
            ),
            figure(f"decisions with fewer than 4 trials before, {slots} GPUs", early, at_most=MOST_EARLY),
        ]
    return {
        "epoch_seconds": EPOCH_S,
        "start_up_seconds": START_UP_S,
        "costs": {str(slots): _rounded(asdict(cost)) for slots, cost in ((FEW, few), (MANY, many))},
        "waits": {str(slots): round(wait, 5) for slots, wait in waits.items()},
        "against_reality": _rounded(reality),
        "simulated": {str(slots): row for slots, row in shown.items()},
        "regrets": {str(slots): [round(value, 5) for value in values] for slots, values in regrets.items()},
        "driver_load": loads(costs, trial_seconds, len(last.busy) / TRIALS[last.slots]),
        "figures": figures,
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    result = measure(options.picture)
    result["machine"] = f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"
    print(json.dumps(result, indent=2))
    return write(result, options.output / "utilisation.json")


if __name__ == "__main__":
    sys.exit(main())
