"""Proposals near given points: the points are what the user or earlier searches know of good hyperparameters.

A share of the proposals keeps most values of such a point, and the share halves every few trials, so that a bad point
does no lasting harm. Source: Hvarfner et al. 2022, "PiBO: Augmenting Acquisition Functions with User Beliefs", whose
weight of the knowledge decays with the number of trials; here it is the share of the proposals.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from data_prep.randomness import stream
from models.spec import Value

_HALF_LIFE = 10
"""Trials after which the share of the proposals near a point has halved."""

_KEPT = 0.7
"""Probability with which a value of the point is kept; the others are those of the other sampler."""


class NearPoints(BaseSampler):
    """Proposes some points near given ones, and otherwise what another sampler proposes."""

    def __init__(self, sampler: BaseSampler, points: Sequence[Mapping[str, Value]], share: float, seed: int) -> None:
        """Initialize the sampler.

        Args:
            sampler: The other sampler.
            points: The points, at least one, which are the first trials.
            share: Share of the first proposals after these trials that are near a point.
            seed: Seed of the choice.
        """
        self._sampler, self._points, self._share, self._seed = sampler, points, share, seed

    def _kept(self, number: int) -> Mapping[str, Value]:
        """Return the values of a point that a trial keeps, none if it is not near a point."""
        draws = stream(self._seed, "near a point", trial=number)
        num_others = number - len(self._points)
        if num_others < 0 or draws.random() >= self._share * 0.5 ** (num_others / _HALF_LIFE):
            return {}
        point = self._points[int(draws.integers(len(self._points)))]
        return {name: value for name, value in point.items() if draws.random() < _KEPT}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return the space of the other sampler."""
        return self._sampler.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values together, some of them those of a point."""
        values = self._sampler.sample_relative(study, trial, search_space)
        kept = self._kept(trial.number)
        return {name: kept.get(name, value) for name, value in values.items()}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Propose a single value, which may be that of a point."""
        kept = self._kept(trial.number)
        if param_name in kept:
            return kept[param_name]
        return self._sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Let the other sampler prepare."""
        self._sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        """Let the other sampler learn."""
        self._sampler.after_trial(study, trial, state, values)
