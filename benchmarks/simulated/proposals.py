"""Complete proposals of a sampler: a setting with all values that matter, before a trial has any."""

from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from models.spec import Value
from search.spec.space import Space


def propose(sampler: BaseSampler, space: Space, study: Study, trial: FrozenTrial) -> dict[str, Value]:
    """Return what a sampler would propose for a trial.

    Args:
        sampler: The sampler.
        space: The search space.
        study: The study.
        trial: A running trial; it stays without values.

    Returns:
        The values of the settings that matter, fixed ones included.
    """
    return space(_Proposal(sampler, study, trial))


class _Proposal:
    """Takes the part of a trial: a space samples its values from here."""

    def __init__(self, sampler: BaseSampler, study: Study, trial: FrozenTrial) -> None:
        self._sampler, self._study, self._trial = sampler, study, trial
        self._relative = sampler.sample_relative(study, trial, sampler.infer_relative_search_space(study, trial))

    def _suggest(self, name: str, distribution: BaseDistribution) -> Any:
        if name in self._relative:
            return self._relative[name]
        return self._sampler.sample_independent(self._study, self._trial, name, distribution)

    def suggest_categorical(self, name: str, choices: tuple[Value, ...]) -> Any:
        return self._suggest(name, CategoricalDistribution(choices))

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return self._suggest(name, IntDistribution(low, high, log=log, step=step))

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return self._suggest(name, FloatDistribution(low, high, log=log, step=step))
