"""``tunesmith search --dry-run``: the size of a search, its estimated duration, and where it would be stored."""

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster.nodes import Node
from cluster.resources import plan_slots
from data_prep.prepared.corpus import Prepared
from data_prep.prepared.kinds import describe
from data_prep.wording import counted
from models.families import family as find_family
from models.family import Family
from models.spec import Value
from models.training.device import best_device, use_threads
from search.passwords import without_password
from search.spec.sections import write_duration
from search.spec.whole_search import SearchSpec
from search.study.database import folder
from search.study.records import TakenPoints
from search.tracking.client import tracking_uri
from tunesmith.console import err, labelled_table, out
from tunesmith.figures import duration, settings_line
from tunesmith.searching.backend import ready_backend


def plan(spec: SearchSpec, home: Path, prepared: Prepared, taken: TakenPoints | None = None) -> dict[str, Any]:
    """Return the size and the storage of a search, and time one epoch of its first point.

    Args:
        spec: The search.
        home: The home folder.
        prepared: The search's data.
        taken: The points that a new search takes from other searches.

    Returns:
        The plan as plain values.
    """
    family = find_family(spec.family)
    numbers = describe(prepared)
    wanted, budget = spec.resources, spec.budget
    device = best_device()
    here = Node("", "this machine", os.cpu_count() or 1, 1 if device == "cuda" else 0)
    slots = plan_slots([here], slots=wanted.slots, cpus=wanted.cpus, gpus=wanted.gpus)
    points = () if taken is None else taken.points
    values = first_setting(spec, *(point.values for point in points))
    use_threads(slots.cpus)  # as in a trial of the search
    ready_backend(wanted.backend)
    with err.status("timing one epoch ..."):
        seconds = _time_one_epoch(family, values, spec, prepared.data, device)
    reach = spec.scheduler.expected_trials(budget.epochs, budget.trials)
    return {
        "name": spec.name,
        "family": spec.family,
        "corpus": spec.data.corpus,
        "repeats": spec.data.repeats,
        "fingerprint": prepared.fingerprint,
        "pieces": numbers.num_pieces,
        "notes": numbers.num_notes,
        "test_pieces": numbers.num_test_pieces,
        "data": dict(numbers.short_rows()),
        "folds": [{"pieces": fold.pieces, "notes": fold.notes} for fold in numbers.folds],
        "settings_searched": list(spec.space.searched),
        "only_these_settings": spec.space.only,
        "space_size": spec.space.size(),
        "space_size_without_real_ranges": spec.space.discrete_size(),
        "sampler": spec.sampler.kind,
        "prior_points": len(spec.prior),
        "warm_points": [{"trial": point.trial, "settings": dict(point.values)} for point in points],
        "trials": budget.trials,
        "confirming": spec.num_repeats,
        "rungs": [{"epochs": epoch, "trials": round(count, 1)} for epoch, count in reach],
        "slots": slots.count,
        "device": device,
        "timed_setting": values,
        "seconds_of_its_epoch": seconds,
        "seconds_for_all_trials": seconds * _num_epochs(spec, device) / slots.count,
        "time_limit": None if budget.time is None else write_duration(budget.time),
        "stop": budget.stop,
        "study": without_password(spec.study.url) or str(folder(home, spec.name) / "study.journal"),
        "storage": spec.storage.url or str(folder(home, spec.name)),
        "tracking": without_password(tracking_uri(spec, home)),
    }


def first_setting(spec: SearchSpec, *warm_points: Mapping[str, Value]) -> dict[str, Value]:
    """Return the first point that a search tries: its first known good point, or else the family's defaults."""
    points = (*spec.prior, *warm_points)
    return spec.space.values(points[0] if points else {})


def _num_epochs(spec: SearchSpec, device: str) -> float:
    """Return the expected number of epochs of all folds; on a GPU, none is trained before others."""
    num_folds = 1 if device == "cuda" else spec.data.num_folds
    return spec.scheduler.expected_epochs(spec.budget.epochs, spec.budget.trials, num_folds)


def _time_one_epoch(
    family: Family[Any, Any], values: dict[str, Value], spec: SearchSpec, data: Any, device: str
) -> float:
    settings = family.spec_type.from_values(values, "the first setting")
    training = family.start(settings, data, seed=spec.data.seed, trial=0, device=device)
    return next(training.epochs()).seconds


def _space_rows(planned: dict[str, Any]) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the rows of a plan on its space and its trials."""
    size, points, trials = planned["space_size"], planned["prior_points"], planned["trials"]
    points += len(planned["warm_points"])
    others = "; settings that the file does not name keep their defaults" if planned["only_these_settings"] else ""
    settings = counted(len(planned["settings_searched"]), "setting")
    if planned["sampler"] == "points":
        space = f"{counted(points, 'point')} of [[prior]], which differ in {settings}{others}"
        return ("space", space), ("trials", f"{trials}, at these points in turn")
    size_text = (
        counted(size, "combination", ",.0f")
        if math.isfinite(size)
        else f"{counted(planned['space_size_without_real_ranges'], 'combination', ',.0f')}, times the real ranges"
    )
    nothing = "nothing is searched: all trials would have the same settings"
    space = f"{settings} searched: {size_text}" if planned["settings_searched"] else nothing
    first = f", the first {points} at known good points" if points else ""
    last = f", the last {planned['confirming']} repeats of the best" if planned["confirming"] else ""
    return ("space", f"{space}{others}"), ("trials", f"{trials}{first}{last}")


def print_plan(planned: dict[str, Any]) -> None:
    """Print a plan as a table."""
    folds = ", ".join(str(fold["pieces"]) for fold in planned["folds"])
    single = f"a single split: {folds} of the pieces held out"
    reach = "  ".join(f"{rung['trials']:g} to epoch {rung['epochs']}" for rung in planned["rungs"])
    pieces = f"{counted(planned['pieces'], 'piece')}, {counted(planned['notes'], 'note')}"
    defaults = find_family(planned["family"]).spec_type.defaults()
    settings = settings_line(planned["timed_setting"], defaults)
    earlier = "; it ends earlier when little further gain is expected" if planned["stop"] == "converged" else ""
    total = f"about {duration(planned['seconds_for_all_trials'])} for all trials at that pace"
    rows = (
        ("search", f"{planned['name']}: {planned['family']} on {planned['corpus']}"),
        ("data", f"{pieces}; sealed test set: {planned['test_pieces']}"),
        ("repeats", f"read as {planned['repeats']}"),
        ("folds", f"{len(planned['folds'])} in lockstep, of {folds} pieces" if len(planned["folds"]) > 1 else single),
        *planned["data"].items(),
        *_space_rows(planned),
        *((f"like {point['trial']}", settings_line(point["settings"], defaults)) for point in planned["warm_points"]),
        ("training", f"about {reach}"),
        ("slots", f"{counted(planned['slots'], 'trial')} at once on {planned['device']}"),
        ("time", f"{duration(planned['seconds_of_its_epoch'])} per epoch of all folds, timed once for: {settings}"),
        ("", f"{total}; limit {planned['time_limit'] or 'none'}{earlier}"),
        ("study", planned["study"]),
        ("storage", planned["storage"]),
        ("MLflow", planned["tracking"]),
    )
    out.print(labelled_table(rows))
    out.print("[dim]nothing was run or stored[/]")
