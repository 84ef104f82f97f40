"""How busy the code that runs real searches keeps 64 and 512 GPUs, on a virtual clock.

    python benchmarks/utilisation.py [--output benchmarks/results]
    python benchmarks/utilisation.py --record 26

The decisions (ASHA, the sampler, the study with its journal on the disk) and their costs are real. The learning curves
and how much the lengths of epochs differ are recorded. Ray's cost of an event is measured first, in real searches with
2 and 16 slots. The GPUs and the clock are simulated; an epoch lasts a minute on average. The simulation is compared
with reality first: the same trials in a real search of 2 slots.

--record trains the recorded trials anew, which takes half an hour to an hour.
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
from simulated.recording import Recording, read, record
from simulated.replayed import search_of
from summary import figure

from cluster.session import connect

LEAST_UTILISATION = 0.95
MOST_DEVIATION = 0.05
MOST_REGRET = 0.02
MOST_EARLY = 0.05

EPOCH_S = 60.0
START_UP_S = 15.0
"""From a worker's being asked for to its first epoch: a process that imports torch, and fetches the data."""

TRIALS = {64: 640, 512: 4096}
FEW, MANY = 2, 16
SHORT_S, LESS_SHORT_S = 0.3, 1.2
"""Of an epoch in a real search with few and with many slots."""

NUM_REAL = 48
SLOTS = (8, 64, 512)
FEW_PEERS = 4
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "utilisation.svg"


def real_costs() -> tuple[Costs, Costs, dict[int, float]]:
    """Measure Ray's costs, with few and with many trials at once, and of finding an answer among many."""
    found: list[Costs] = []
    for slots, seconds in ((FEW, SHORT_S), (MANY, LESS_SHORT_S)):
        search = search_of(NUM_REAL + 3 * slots, points=slots)
        with tempfile.TemporaryDirectory() as home:
            found.append(run_real(read(seconds), search, slots, Path(home))[1])
    with connect(num_cpus=FEW):
        waits = wait_among(SLOTS)
    return found[0], found[1], waits


def against_reality(costs: Costs) -> dict[str, float]:
    """Run the same trials in a real search and in a simulated one, and return how long both took.

    They have no rungs: which trials ASHA stops depends on which come first, and the same work is to be compared.
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


def simulate(recording: Recording, costs: Costs, slots: int) -> SimulatedSearch:
    """Simulate a search on that many GPUs."""
    with tempfile.TemporaryDirectory() as home:
        search = search_of(TRIALS[slots])
        return Simulation(recording, search, costs, slots=slots, home=Path(home), start_up=START_UP_S).run()


def figures_of(outcome: SimulatedSearch, recording: Recording) -> dict[str, Any]:
    """Return the figures of a simulated search."""
    trained = sum(end - begin for begin, end in outcome.busy)
    gaps, changes = ([round(float(np.percentile(one, at)), 3) for at in (50, 99, 100)] for one in _idle(outcome))
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
            round(1000 * float(np.mean(one)), 1) for one in (outcome.ask_seconds[:100], outcome.ask_seconds[-100:])
        ],
        "decisions": len(outcome.peers),
        "decisions_with_fewer_than_4_before": sum(peers < FEW_PEERS for peers in outcome.peers),
        "best_recorded": recording.best,
        "winner_as_recorded": recording.nearest(outcome.winner[1]).objective[-1],
        "speed_up_over_1_gpu": round(trained / outcome.end, 1),
    }


def _idle(outcome: SimulatedSearch) -> tuple[list[float], list[float]]:
    return outcome.gaps, outcome.changes


def loads(costs: dict[int, Costs], a_trial: float, epochs_a_trial: float) -> dict[str, dict[str, float]]:
    """Return the driver's load by epoch length and GPUs: plain arithmetic on the measured costs.

    Args:
        costs: Ray's, by GPUs.
        a_trial: Of a trial's end and the next one's start late in a search, without waits.
        epochs_a_trial: Epochs that a trial trains on average.

    Returns:
        Shares of the driver's time by seconds of an epoch and by GPUs; more than 1 cannot be kept up with.
    """
    table: dict[str, dict[str, float]] = {}
    for seconds in (1, 10, 60, 600):
        row = table[f"{seconds} s"] = {}
        for slots, each in costs.items():
            an_epoch = each.wait + each.epoch + each.own_epoch + (2 * each.wait + a_trial) / epochs_a_trial
            row[f"{slots} GPUs"] = round(SHARED_INTERPRETER * an_epoch * slots / seconds, 4)
    return table


def measure(picture: Path) -> dict[str, Any]:
    """Measure, simulate and draw."""
    few, many, waits = real_costs()
    costs = {slots: replace(few, wait=wait) for slots, wait in waits.items()}
    reality = against_reality(few)
    print(json.dumps({"costs": [asdict(few), asdict(many)], "waits": waits, "reality": reality}, indent=2), flush=True)
    recording = read(EPOCH_S)
    outcomes: list[SimulatedSearch] = []
    for slots in TRIALS:
        began = time.perf_counter()
        outcomes.append(simulate(recording, costs[slots], slots))
        print(f"{slots} GPUs simulated in {time.perf_counter() - began:.0f} s", flush=True)
    draw(outcomes, EPOCH_S, picture)
    shown = {outcome.slots: figures_of(outcome, recording) for outcome in outcomes}
    last = outcomes[-1]
    a_trial = float(np.mean(last.ask_seconds[-100:])) / SHARED_INTERPRETER - 2 * waits[last.slots]
    deviation = abs(reality["simulated_seconds"] / reality["real_seconds"] - 1)
    figures = [figure("simulated over real time of a search, off by", deviation, at_most=MOST_DEVIATION)]
    for slots, one in shown.items():
        busy = one["utilisation_while_trials_remain"]
        regret = one["winner_as_recorded"] - one["best_recorded"]
        early = one["decisions_with_fewer_than_4_before"] / one["decisions"]
        figures += [
            figure(f"utilisation of {slots} simulated GPUs while trials remain", busy, at_least=LEAST_UTILISATION),
            figure(f"regret of {slots} simulated GPUs' winner, nats per note", regret, at_most=MOST_REGRET),
            figure(f"decisions with fewer than 4 trials before, {slots} GPUs", early, at_most=MOST_EARLY),
        ]
    return {
        "epoch_seconds": EPOCH_S,
        "start_up_seconds": START_UP_S,
        "costs": {str(slots): _rounded(asdict(one)) for slots, one in ((FEW, few), (MANY, many))},
        "waits": {str(slots): round(one, 5) for slots, one in waits.items()},
        "against_reality": _rounded(reality),
        "simulated": {str(slots): one for slots, one in shown.items()},
        "driver_load": loads(costs, a_trial, len(last.busy) / TRIALS[last.slots]),
        "figures": figures,
    }


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in values.items()}


def main() -> int:
    """Measure, print and write; the exit status is 1 where a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--record", type=int, metavar="TRIALS", help="train that many trials and write their curves")
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    if options.record:
        record(options.record)
        return 0
    result = measure(options.picture)
    result["machine"] = f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"
    print(json.dumps(result, indent=2))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "utilisation.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(not all(one["met"] for one in result["figures"]))


if __name__ == "__main__":
    sys.exit(main())
