"""Descriptions of runs in MLflow, in Markdown."""

import re

from data_prep.wording import counted
from models.metrics import FoldValues, Metric
from models.spec import Value
from search.spec.space import Space
from search.study.records import TrialRecord
from search.study.states import STATE_WORDS


def winner_note(name: str, score: FoldValues, objective: Metric) -> str:
    """Return the first line of the description of a search: its best trial."""
    return f"Best trial: **{name}**, {objective.name} {score_text(score)} {objective.unit}."


def trial_note(record: TrialRecord, objective: Metric, space: Space) -> str:
    """Return the description of a finished trial: its end, its result, and the searched settings that are not defaults.

    Args:
        record: The trial.
        objective: The metric that is optimised.
        space: The space of its search.

    Returns:
        One line.
    """
    score = record.last(objective.name)
    result = "" if score is None else f": {score_text(score)} {objective.unit}"
    repeats = "" if record.confirms is None else f", repeats #{record.confirms} with another seed"
    changed = [
        f"{name} {_value(record.values[name])}"
        for name in space.searched
        if name in record.values and record.values[name] != space.default(name)
    ]
    epochs = counted(len(record.epochs), "epoch")
    reason = f" ({' '.join(record.reason.split())[:300]})" if record.reason else ""
    parts = (f"{STATE_WORDS[record.state]} after {epochs}{reason}{repeats}{result}", ", ".join(changed) or "defaults")
    return "; ".join(parts)


def renamed_note(note: str, old: str, new: str) -> str:
    """Return the description of a search after it was renamed: its trials and commands have the new name."""

    def in_command(code: re.Match[str]) -> str:
        return re.sub(rf"(?<=\s){re.escape(old)}(?=[/\s`])", lambda _: new, code[0])

    return re.sub(r"`[^`\n]*`", in_command, note.replace(f"**{old}/", f"**{new}/"))


def score_text(score: FoldValues) -> str:
    """Return a score, with its standard error if there are several folds."""
    error = f" ± {score.standard_error:.3f}" if len(score.values) > 1 else ""
    return f"{score.mean:.3f}{error}"


def _value(value: Value) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
