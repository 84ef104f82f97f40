"""What a search found, in sentences: the same words in the terminal, in the report and in MLflow."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from data_prep.wording import counted
from models.family import Baseline, Family
from models.metrics import FoldValues, Metric
from models.spec import Value
from search.spec.domains import Range
from search.spec.file import SearchSpec
from search.study.records import ExpectedGain, TrialRecord
from search.study.report import Configuration, improvement, initial_trials, optimism
from tunesmith.figures import gain_line, interval, with_error

_NOISE = 2.0
"""Standard errors below which a gain may be noise."""

_NEAR_END = 0.05
"""Share of a range that is near its end."""

_FEWEST = 3
"""Fewest best configurations that say something about the ends of ranges."""


class Outcome(Protocol):
    """What is known of a search: its record, or the result of running it."""

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """All trials."""
        ...

    @property
    def warm_points(self) -> tuple[Mapping[str, Value], ...]:
        """The points that it took from other searches."""
        ...

    @property
    def expected_gain(self) -> ExpectedGain | None:
        """What further trials are expected to gain; None if there are too few trials."""
        ...


@dataclass(frozen=True)
class Finding:
    """A statement, without a capital and a full stop.

    Attributes:
        text: The statement.
        warns: Whether the user should think twice.
    """

    text: str
    warns: bool = False

    @property
    def sentence(self) -> str:
        """The statement as a sentence."""
        return f"{self.text[0].upper()}{self.text[1:]}."


@dataclass(frozen=True)
class Given:
    """The comparison of the winner with the best point that the search was given.

    Attributes:
        best: The best of these points.
        gain: How much better the winner is.
        own: The best configuration that the search was not given; None without one.
    """

    best: Configuration
    gain: FoldValues
    own: Configuration | None


def findings(
    found: Sequence[Configuration],
    spec: SearchSpec,
    family: Family[Any, Any],
    outcome: Outcome,
    baselines: Sequence[Baseline],
) -> list[Finding]:
    """Return everything that a search found, the most important first.

    Args:
        found: Its configurations, the best first.
        spec: The search.
        family: Its family.
        outcome: The search's record or result.
        baselines: The baselines; none if they were not scored.

    Returns:
        The findings.
    """
    objective = family.metrics[0]
    if not found:
        text = "no trial has trained for its full budget yet; give the search more time, and make the report again"
        return [Finding(text)]
    several = [
        _best(found[0], objective),
        about_given(found, spec, family, outcome),
        *about_baselines(found[0], objective, baselines),
        about_optimism(found, objective),
        about_gain(outcome, objective),
        *about_ends(found, spec),
    ]
    return [finding for finding in several if finding is not None]


def _best(winner: Configuration, objective: Metric) -> Finding:
    seeds = f", the mean of {winner.num_seeds} seeds" if winner.repeats else ""
    return Finding(f"the best trial is #{winner.trial.number}, with {with_error(winner.score)} {objective.unit}{seeds}")


def about_gain(outcome: Outcome, objective: Metric) -> Finding | None:
    """Say what further trials are expected to gain; None if that is unknown."""
    gain = outcome.expected_gain
    return None if gain is None else Finding(gain_line(gain.gain, gain.standard_error, objective.unit))


def about_optimism(found: Sequence[Configuration], objective: Metric) -> Finding | None:
    """Say how much the confirmed trials had gained by being chosen for their results; None if there is none."""
    luck = optimism(found, objective)
    if luck is None:
        return None
    trials, words = counted(len(luck.values), "trial"), "worse" if luck.mean >= 0 else "better"
    gap = interval(abs(luck.mean), luck.standard_error)
    return Finding(
        f"repeats of the best {trials} with other seeds were {words} by {gap} than the first results; scores are means "
        "over the seeds"
    )


def compare_with_given(
    found: Sequence[Configuration], spec: SearchSpec, family: Family[Any, Any], outcome: Outcome
) -> Given | None:
    """Compare the winner with the points that the search was given; return None without such a point."""
    numbers = {trial.number for trial in initial_trials(outcome.trials, (*spec.prior, *outcome.warm_points))}
    best = next((each for each in found if each.trial.number in numbers), None)
    own = next((each for each in found if each.trial.number not in numbers), None)
    return None if best is None else Given(best, improvement(found[0].score, best.score, family.metrics[0]), own)


def about_given(
    found: Sequence[Configuration], spec: SearchSpec, family: Family[Any, Any], outcome: Outcome
) -> Finding | None:
    """Say what the search found in addition to the points that it was given; None without such a point."""
    compared = compare_with_given(found, spec, family, outcome)
    if compared is None:
        return None
    winner, best, gain = found[0], compared.best, compared.gain
    is_given = best.trial.number == winner.trial.number
    line = "it is a point that the search was given; the search found nothing better"
    if not is_given:
        line = f"better by {_interval(gain)} than #{best.trial.number}, the best point that the search was given"
    elif own := compared.own:
        gain = improvement(winner.score, own.score, family.metrics[0])
        line += f"; the best of its own, #{own.trial.number}, is worse by {_interval(gain)}"
    noise = len(gain.values) > 1 and gain.mean < _NOISE * gain.standard_error
    return Finding(f"{line}{': within noise' if noise else ''}", warns=is_given or noise)


def about_baselines(winner: Configuration, objective: Metric, baselines: Sequence[Baseline]) -> list[Finding]:
    """Name the baselines that are better than the winner."""
    better = [
        baseline.name
        for baseline in baselines
        if not baseline.oracle and improvement(winner.score, baseline.score, objective).mean < 0
    ]
    return [Finding(f"{name} is better than the winner", warns=True) for name in better]


def about_ends(found: Sequence[Configuration], spec: SearchSpec) -> list[Finding]:
    """Name the settings that all of the best configurations have near the same end of their range."""
    best = found[:_FEWEST]
    if len(best) < _FEWEST:
        return []
    near = [
        (name, bound)
        for name, domain in spec.space.domains.items()
        if isinstance(domain, Range)
        if (bound := _common_end(domain, [each.trial.values.get(name) for each in best])) is not None
    ]
    legal = spec.space.spec_type.settings()
    return [
        Finding(
            f"the best {_FEWEST} trials have {name} near {bound:g}, an end of its range; a wider range may be better"
        )
        for name, bound in near
        if bound not in (legal[name].low, legal[name].high)
    ]


def _common_end(domain: Range, values: Sequence[Value | None]) -> float | None:
    """Return the end of a range that all values are near to; None if there is none."""
    places = [domain.place(float(value)) for value in values if value is not None]
    if len(places) < len(values):  # the setting does not matter to all
        return None
    if max(places) <= _NEAR_END:
        return domain.low
    return domain.high if min(places) >= 1 - _NEAR_END else None


def _interval(values: FoldValues) -> str:
    return interval(values.mean, values.standard_error)
