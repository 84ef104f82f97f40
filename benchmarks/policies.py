"""How long searches by different policies take to find good settings, replayed on recorded ones.

    python benchmarks/policies.py [--family composer] [--slots 2 16 64] [--seeds 8] [--output benchmarks/results]

The settings of a table (benchmarks/record.py) take the place of trials: a proposal becomes the nearest setting of the
table that was not tried yet. All decisions are those of the code that runs real searches, on a virtual clock. Policies
are compared by the time until a trial is finished whose setting is among the best 2 % of the table, paired by seed, as
ratios to random search and to TPE, both with the rungs of the earlier default. The initial points of the default search
are left out except from the last policy.
"""

import json
import math
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.stats
from matplotlib.figure import Figure
from simulated.cluster import SimulatedSearch, Simulation
from simulated.costs import Costs
from simulated.options import replaying
from simulated.table import Table, TableCurves, TableSampler, read_table
from summary import figure, write

from data_prep.errors import BadInputError
from data_prep.randomness import stream
from models.families import family as find_family
from models.spec import Value
from search.spec.confirmation_section import Confirmation
from search.spec.file import load
from search.spec.sampler_section import Random
from search.spec.whole_search import SearchSpec

_stats: Any = scipy.stats  # it is partly untyped

SLOTS = (2, 16, 64)
SHARE = 0.02
"""The share of the settings that counts as good."""

GOOD = (0.08, 0.15)
"""Which share of the settings is good, but not among the best, as what a user may know."""

TRIED = 0.8
"""Share of the table that a search may try: with fewer left, proposals become settings that are far away."""

ONE_FOLD = 0.33
"""Time of an epoch of one fold as a share of that of four: the median of 14 settings of the composer on one thread."""

START_UP_S = 3.0
COSTS = Costs(
    wait=0.0002, epoch=0.002, trial=0.005, own_epoch=0.002, mlflow=0.0, way=0.005, start=0.05, first_start=3.0
)
"""Ray's, about as benchmarks/utilisation.py measures them: small against epochs of a second."""

EARLIER: Mapping[str, Mapping[str, Any]] = {
    "composer": {"first_rung": 2, "reduction": 2, "folds_first": 0, "late": ()},
    "stylenet": {"first_rung": 6, "reduction": 2},
}
"""Keys of ``[scheduler]`` in the earlier default search of each family."""

LEAST_GAINS: Mapping[str, tuple[float, float]] = {"composer": (2.5, 1.2), "stylenet": (1.0, 0.95)}
"""How many times as fast as random search and as TPE, both with the earlier rungs, by family."""

PICTURE = Path(__file__).parents[1] / "docs" / "images" / "policies.svg"


@dataclass(frozen=True)
class Policy:
    """Changes to the default search.

    Attributes:
        name: Its name.
        earlier: Whether it has the rungs of the earlier default search.
        scheduler: Changed keys of ``[scheduler]``.
        random: Whether proposals are random; otherwise they are those of the default sampler.
        points: The initial points: none, the "given" ones of the default search, or three "good" settings of the table.
    """

    name: str
    earlier: bool = False
    scheduler: Mapping[str, Any] = field(default_factory=dict[str, Any])
    random: bool = False
    points: Literal["none", "given", "good"] = "none"

    def search(self, table: Table, trials: int, seed: int) -> SearchSpec:
        """Return the search with that many trials and a seed of its sampler."""
        search = load(table.family)
        seeded = search.sampler.model_copy(update={"seed": seed})
        scheduler = {**(EARLIER[table.family] if self.earlier else {}), **self.scheduler}
        points = {"none": (), "given": search.prior, "good": good_points(table, seed)}[self.points]
        return search.model_copy(
            update={
                "sampler": Random(seed=seed) if self.random else seeded,
                "scheduler": search.scheduler.model_copy(update=scheduler),
                "prior": points,
                "confirmation": Confirmation(best=0),
                "budget": search.budget.model_copy(update={"trials": trials}),
            }
        )


def good_points(table: Table, seed: int) -> tuple[Mapping[str, Value], ...]:
    """Return three settings of a table at random, of those between the best 8 and the best 15 %."""
    low, high = table.best(GOOD[0]), table.best(GOOD[1])
    good = [values for values in table.values if low <= table.final_of(values) <= high]
    chosen: list[int] = stream(seed, "good points").choice(len(good), 3, replace=False).tolist()
    return tuple(good[index] for index in chosen)


RANDOM = Policy("random, rungs as before", earlier=True, random=True)
BEFORE = Policy("TPE, rungs as before", earlier=True)
DEFAULT = Policy("TPE, new rungs, one fold first")
POLICIES = (
    RANDOM,
    BEFORE,
    Policy("random, new rungs", scheduler={"folds_first": 0}, random=True),
    Policy("TPE, new rungs", scheduler={"folds_first": 0}),
    DEFAULT,
    Policy("the same with three good points", points="good"),
    Policy("the default, with its initial points", points="given"),
)
"""The policies; all are compared with the first two."""


def replay(policy: Policy, table: Table, slots: int, seed: int) -> SimulatedSearch:
    """Replay a search."""
    family = find_family(table.family)
    search = policy.search(table, int(TRIED * len(table.values)), seed)
    first = search.scheduler.first_folds(search.budget.epochs)
    curves = TableCurves(table, [metric.name for metric in family.metrics], first, ONE_FOLD)
    with tempfile.TemporaryDirectory() as home:
        return Simulation(
            curves,
            search,
            COSTS,
            slots=slots,
            home=Path(home),
            start_up=START_UP_S,
            family=family,
            change=lambda sampler: TableSampler(sampler, table),
        ).run()


def seconds_to(outcome: SimulatedSearch, table: Table, target: float) -> float:
    """Return when a trial ended whose setting reaches the target; 1.5 times the length of the search if none did."""
    reached = [at for at, _, values in outcome.finished if table.final_of(values) <= target]
    return min(reached, default=1.5 * outcome.end)


def regret(outcome: SimulatedSearch, table: Table, moments: Sequence[float]) -> list[float]:
    """Return how much worse the best finished trial is than the best setting of the table, at each moment."""
    best, worst = table.best(0.0), max(table.final.values())
    return [
        min((table.final_of(values) for at, _, values in outcome.finished if at <= moment), default=worst) - best
        for moment in moments
    ]


def ratio(times: Sequence[float], peers: Sequence[float]) -> dict[str, float]:
    """Return the geometric mean of how many times as fast, paired, with a 95 % interval (Student's t on logarithms)."""
    logarithms = np.log(peers) - np.log(times)
    half = float(_stats.t.ppf(0.975, len(logarithms) - 1)) * float(np.std(logarithms, ddof=1))
    half /= math.sqrt(len(logarithms))
    mean = float(np.mean(logarithms))
    return {name: round(math.exp(mean + sign * half), 3) for name, sign in (("low", -1), ("mean", 0), ("high", 1))}


def measure(
    table: Table, all_slots: Sequence[int], seeds: int, pool: ProcessPoolExecutor, picture: Path
) -> dict[str, Any]:
    """Replay all policies, print a table, draw the picture, and return the result."""
    target = table.best(SHARE)
    rows: list[dict[str, Any]] = []
    shown: dict[str, list[SimulatedSearch]] = {}
    print(f"{len(table.final)} settings; the best 2 % reach {target:.4f}, the best {table.best(0.0):.4f}")
    for slots in all_slots:
        found: dict[str, list[float]] = {}
        for policy in POLICIES:
            outcomes = list(pool.map(partial(replay, policy, table, slots), range(seeds)))
            times = [seconds_to(outcome, table, target) for outcome in outcomes]
            found[policy.name] = times
            row: dict[str, Any] = {"slots": slots, "policy": policy.name, "seconds": [round(time, 1) for time in times]}
            row["trials_per_minute"] = round(
                float(np.mean([60 * sum(outcome.states.values()) / outcome.end for outcome in outcomes])), 1
            )
            row["times_as_fast"] = ratio(times, found[RANDOM.name])
            row["times_as_fast_as_before"] = ratio(times, found[BEFORE.name]) if policy is not RANDOM else None
            rows.append(row)
            if slots == all_slots[0]:
                shown[policy.name] = outcomes
            print(
                f"{slots:3} slots  {policy.name:38} {row['trials_per_minute']:6.1f} trials/min  "
                f"{np.mean(times):6.0f} s  {_words(row['times_as_fast'])}  {_words(row['times_as_fast_as_before'])}",
                flush=True,
            )
    draw(shown, table, all_slots[0], picture)
    new = next(row for row in rows if row["slots"] == all_slots[0] and row["policy"] == DEFAULT.name)
    name = f"{table.family}'s search without its points, {all_slots[0]} slots: times as fast as"
    over_random, over_earlier = LEAST_GAINS[table.family]
    return {
        "family": table.family,
        "settings": len(table.final),
        "target": round(target, 5),
        "replays": rows,
        "figures": [
            figure(f"{name} random search before", new["times_as_fast"]["mean"], at_least=over_random),
            figure(f"{name} before", new["times_as_fast_as_before"]["mean"], at_least=over_earlier),
        ],
    }


def _words(times: Mapping[str, float] | None) -> str:
    return f"x{times['mean']:.2f} [{times['low']:.2f}, {times['high']:.2f}]" if times else ""


def draw(shown: Mapping[str, Sequence[SimulatedSearch]], table: Table, slots: int, path: Path) -> None:
    """Draw the mean regret over time by policy."""
    drawn: Any = Figure(figsize=(8, 4.2), layout="constrained")
    axes = drawn.subplots()
    last = float(np.median([outcome.end for outcomes in shown.values() for outcome in outcomes]))
    moments = np.geomspace(5.0, last, 160)
    for name, outcomes in shown.items():
        mean = np.mean([regret(outcome, table, moments.tolist()) for outcome in outcomes], axis=0)
        axes.plot(moments, mean, label=name, linewidth=1.6)
    unit = find_family(table.family).metrics[0].unit
    axes.set(xscale="log", yscale="log", xlabel=f"seconds with {slots} slots", ylabel=f"regret [{unit}]")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    drawn.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = replaying(__doc__)
    parser.add_argument("--slots", type=int, nargs="+", default=SLOTS)
    parser.add_argument("--picture", type=Path, default=PICTURE)
    options = parser.parse_args()
    try:
        table = read_table(options.family)
    except BadInputError as error:
        print(error, file=sys.stderr)
        return 2
    with ProcessPoolExecutor(options.processes) as pool:
        result = measure(table, options.slots, options.seeds, pool, options.picture)
    name = "policies" if options.family == "composer" else f"policies-{options.family}"
    print(json.dumps(result["figures"], indent=2))
    return write(result, options.output / f"{name}.json")


if __name__ == "__main__":
    sys.exit(main())
