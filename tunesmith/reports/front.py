"""``tunesmith trials --front``: the trials that no other trial beats in both quality and cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from data_prep.errors import Action, BadInputError
from data_prep.wording import counted
from models.family import Family
from search.promotion.rule import candidates, choose, with_sizes
from search.study.records import SearchRecord
from search.study.report import CostedTrial, best_trials, costed_trials
from search.tracking.front_picture import front_picture
from search.trials.sizes import num_parameters
from tunesmith.console import new_table, out, warn
from tunesmith.figures import duration, settings_line, with_error
from tunesmith.program import command

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COSTS: Mapping[str, str] = {"params": "parameters", "seconds": "seconds per epoch"}
"""The costs of a trial in words: parameters of one fold's model, and mean training time of an epoch of all folds."""


@dataclass(frozen=True)
class Front:
    """Quality against cost in a search.

    Attributes:
        cost: A key of ``COSTS``.
        trials: All complete trials, by cost ascending; then the best first.
        sizes: Numbers of parameters by trial; all trials if they are the cost, otherwise those of the front.
        promoted: The trial that a promotion chooses by its rule; None if the parameters cannot be counted.
    """

    cost: str
    trials: Sequence[CostedTrial]
    sizes: Mapping[int, int]
    promoted: int | None

    @property
    def best(self) -> list[CostedTrial]:
        """The trials on the front, from cheap to good."""
        return [trial for trial in self.trials if trial.on_front]


def quality_against_cost(record: SearchRecord, family: Family[Any, Any], cost: str) -> Front:
    """Find the front of a search.

    Args:
        record: The search.
        family: Its family.
        cost: A key of ``COSTS``.

    Returns:
        The front.

    Raises:
        BadInputError: If no trial is complete, or parameters are the cost and the data cannot be prepared or has
            changed.
    """
    objective, name = family.metrics[0], record.spec.name
    numbers = [trial.number for trial in best_trials(record.trials, objective)]
    if not numbers:
        raise BadInputError(
            "only trials with their full budget are compared",
            f"{name} has no such trial yet",
            remedy="resume the search without a time limit",
            action=Action("remove time limit", {"search": name}),
        )
    if cost == "params":
        sizes = _sizes(record, family, numbers)
        costed = costed_trials(record.trials, objective, sizes)
    else:
        costed = costed_trials(record.trials, objective, {each: _seconds(record, each) for each in numbers})
        sizes = _sizes_if_possible(record, family, [each.number for each in costed if each.on_front])
    promoted = choose(with_sizes(candidates(record, objective), sizes)).number if sizes else None
    return Front(cost, costed, sizes, promoted)


def _sizes_if_possible(record: SearchRecord, family: Family[Any, Any], front: Sequence[int]) -> dict[int, int]:
    """Count the parameters of trials on the front, and of those that a promotion compares."""
    tied = [each.number for each in candidates(record, family.metrics[0]) if each.ties]
    try:
        return _sizes(record, family, [*front, *tied])
    except BadInputError as error:  # the front itself does not need the data
        warn(f"parameters could not be counted: {error}")
        return {}


def _sizes(record: SearchRecord, family: Family[Any, Any], numbers: Sequence[int]) -> dict[int, int]:
    """Count the parameters of trials; prepare the search's data only if they were not counted before."""
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.data import prepared_data

    def data() -> Any:
        prepared = prepared_data(record.spec)
        if prepared.fingerprint != record.fingerprint:
            raise BadInputError(
                "parameters are counted on the data of the search",
                f"the fingerprint of {record.spec.data.corpus} was {record.fingerprint} and is now "
                f"{prepared.fingerprint}",
                remedy="restore its files",
            )
        return prepared.data

    specs = {number: family.spec_type.from_values(record.trial(number).values) for number in numbers}
    with Bar() as bar:
        return num_parameters(family, specs, record.fingerprint, data, bar)


def as_data(front: Front, record: SearchRecord, family: Family[Any, Any]) -> dict[str, Any]:
    """Return the front as plain values."""
    objective = family.metrics[0]
    return {
        "search": record.spec.name,
        "objective": objective.name,
        "cost": COSTS[front.cost],
        "complete_trials": len(front.trials),
        "promoted": front.promoted,
        "front": [
            {
                "number": each.number,
                objective.name: each.score.mean,
                f"{objective.name}_se": each.score.standard_error,
                "parameters": front.sizes.get(each.number),
                "seconds_per_epoch": _seconds(record, each.number),
                "promoted": each.number == front.promoted,
                "settings": dict(record.trial(each.number).values),
            }
            for each in front.best
        ],
    }


def picture(front: Front, record: SearchRecord, family: Family[Any, Any]) -> "Figure":
    """Draw the front."""
    words = {"params": "parameters of one fold's model", "seconds": "seconds per epoch of all folds"}[front.cost]
    return front_picture(front.trials, family.metrics[0], record.spec.name, words, front.promoted)


def print_front(front: Front, record: SearchRecord, family: Family[Any, Any]) -> None:
    """Print the front, the trial that a promotion chooses, and how to promote another."""
    objective, defaults = family.metrics[0], family.spec_type.defaults()
    table = new_table("trial", objective.name.replace("_", " "))
    table.add_column("parameters", no_wrap=True, justify="right")
    table.add_column("epoch", no_wrap=True, justify="right")
    table.add_column("", no_wrap=True)
    table.add_column("searched settings that differ from the defaults", style="dim", ratio=1)
    for each in front.best:
        values, size = record.trial(each.number).values, front.sizes.get(each.number)
        settings = {name: values[name] for name in record.spec.space.searched if name in values}
        table.add_row(
            f"#{each.number}",
            with_error(each.score),
            "" if size is None else f"{size:,}",
            duration(_seconds(record, each.number)),
            "promoted by rule" if each.number == front.promoted else "",
            escape(settings_line(settings, defaults)),
        )
    total, name = counted(len(front.trials), "complete trial"), record.spec.name
    verb = "is" if len(front.best) == 1 else "are"
    out.print(
        f"[bold]{name}[/]: of {total}, {len(front.best)} {verb} not beaten in both {objective.name} and "
        f"{COSTS[front.cost]}",
        soft_wrap=True,
    )
    out.print(table)
    if front.promoted is not None and front.promoted not in [each.number for each in front.best]:
        chosen = next(each for each in front.trials if each.number == front.promoted)
        out.print(
            f"the rule of a promotion chooses #{chosen.number}, which is not on this front: "
            f"{with_error(chosen.score)}, {counted(front.sizes[chosen.number], 'parameter', ',')}",
            soft_wrap=True,
        )
    line = command("promote", name, "--trial", str(front.best[0].number))
    out.print(f"to promote one of them: {line}", markup=False, soft_wrap=True)


def _seconds(record: SearchRecord, number: int) -> float:
    return record.trial(number).seconds_per_epoch
