"""The front of quality against cost: as a table, as plain values and as a picture."""

from typing import TYPE_CHECKING, Any

from rich.markup import escape

from data_prep.wording import counted
from models.family import Family
from search.study.records import SearchRecord
from search.tracking.front_picture import front_picture
from tunesmith.console import new_table, out
from tunesmith.figures import duration, settings_line, with_error
from tunesmith.program import command
from tunesmith.searching.front import COSTS, Front

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
                "seconds_per_epoch": record.trial(each.number).seconds_per_epoch,
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
            duration(record.trial(each.number).seconds_per_epoch),
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
