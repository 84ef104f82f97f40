"""A search's trials as an Optuna study in memory, for Optuna's evaluators and pictures."""

from collections.abc import Mapping, Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from models.metrics import Metric
from models.spec import Value
from search.spec.domains import Categorical, Domain, Range
from search.spec.space import Space
from search.study.records import TrialRecord


def varied(trials: Sequence[TrialRecord], space: Space) -> list[str]:
    """Return the searched hyperparameters of which the trials have several values."""
    return [name for name in space.searched if len({repr(value_of(trial, name, space)) for trial in trials}) > 1]


def value_of(trial: TrialRecord, name: str, space: Space) -> Value:
    """Return a hyperparameter of a trial; one that does not matter in it has its default, as in the trial's spec."""
    return trial.values.get(name, space.default(name))


def study_copy(
    scored: Sequence[tuple[TrialRecord, float]], space: Space, objective: Metric | None = None
) -> optuna.Study:
    """Return a study with complete trials at the points of others.

    Args:
        scored: Trials with their values.
        space: The search's space.
        objective: The metric that the values are of; None for ranks, of which less is better.

    Returns:
        A study in memory; its hyperparameters are those that vary.
    """
    study = optuna.create_study(
        direction="maximize" if objective is not None and objective.direction == "maximise" else "minimize"
    )
    names = varied([trial for trial, _ in scored], space)
    distributions: Mapping[str, BaseDistribution] = {
        name: _distribution(space.domains[name], space.default(name)) for name in names
    }
    for trial, value in scored:
        params = {name: value_of(trial, name, space) for name in names}
        study.add_trial(optuna.create_trial(value=value, params=params, distributions=dict(distributions)))
    return study


def _distribution(domain: Domain, default: Value) -> BaseDistribution:
    """Return a distribution over the values of a domain and the default."""
    if isinstance(domain, Categorical):
        return CategoricalDistribution(domain.values if default in domain else (*domain.values, default))
    assert isinstance(domain, Range)
    assert not isinstance(default, str)
    low, high = min(domain.low, default), max(domain.high, default)
    if domain.whole:
        return IntDistribution(int(low), int(high), log=domain.log and low > 0)
    return FloatDistribution(low, high, log=domain.log and low > 0)
