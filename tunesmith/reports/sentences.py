"""The result of a search in sentences."""

from collections.abc import Sequence
from typing import Any

from models.family import Baseline, Family
from search.study.records import SearchRecord
from search.study.report import Configuration, improvement, initial_trials, optimism
from tunesmith.figures import gain_line, with_error
from tunesmith.searching import baseline_cache


def result_sentences(record: SearchRecord, family: Family[Any, Any], found: Sequence[Configuration]) -> list[str]:
    """Return the result of a search as sentences.

    Args:
        record: The search; it may be running.
        family: Its family.
        found: Its configurations, best first.

    Returns:
        The sentences.
    """
    objective, spec = family.metrics[0], record.spec
    if not found:
        return ["No trial has trained for its full budget yet. Give the search more time, and make the report again."]
    winner = found[0]
    seeds = f" (mean of {winner.num_seeds} seeds)" if winner.repeats else ""
    lines = [f"The best trial is #{winner.trial.number}, with {with_error(winner.score)} {objective.unit}{seeds}."]
    given = {trial.number for trial in initial_trials(record.trials, (*spec.prior, *record.warm_points))}
    if winner.trial.number in given:
        lines.append("It is a point that the search was given; the search found nothing better.")
    elif rest := [each for each in found if each.trial.number in given]:
        better = with_error(improvement(winner.score, rest[0].score, objective))
        lines.append(
            f"It is better by {better} than #{rest[0].trial.number}, the best point that the search was given."
        )
    luck = optimism(found, objective)
    if luck is not None:
        words = f"{'worse' if luck.mean >= 0 else 'better'} by {abs(luck.mean):.4f}"
        lines.append(f"Repeats with other seeds were {words} than the first results, on average.")
    if record.expected_gain is not None:
        gain_text = gain_line(record.expected_gain.gain, record.expected_gain.standard_error, objective.unit)
        lines.append(f"{gain_text[0].upper()}{gain_text[1:]}.")
    stronger = [
        each.name
        for each in scored_baselines(record, family, winner)
        if not each.oracle and improvement(winner.score, each.score, objective).mean < 0
    ]
    return [*lines, *(f"{name} is better than the winner." for name in stronger)]


def scored_baselines(record: SearchRecord, family: Family[Any, Any], winner: Configuration) -> Sequence[Baseline]:
    """Return the baselines that a search on this machine scored on the same folds."""
    scored = baseline_cache.read(family.name, record.fingerprint) or ()
    return [each for each in scored if len(each.score.values) == len(winner.score.values)]
