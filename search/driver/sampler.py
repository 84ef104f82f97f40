"""The samplers of Optuna that a search file can name."""

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from data_prep.randomness import integer_seed
from models.spec import Value
from search.spec.sampler_section import Grid, Points, Random, Tpe
from search.spec.whole_search import SearchSpec


class IndependentSampler(BaseSampler):
    """Base class of samplers that propose each value by itself."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Return no settings: each is proposed by itself."""
        del study, trial
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose nothing."""
        del study, trial, search_space
        return {}


class PointSampler(IndependentSampler):
    """Proposes points in turn: trial n has point n modulo their number, also after the search was resumed."""

    def __init__(self, points: Sequence[Mapping[str, Value]]) -> None:
        """Store the points, each with a value of every setting that is sampled in it."""
        self._points = points

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Value:
        """Propose the value of a setting."""
        del study, param_distribution
        return self._points[trial.number % len(self._points)][param_name]


def make_sampler(search: SearchSpec, num_trials: int) -> BaseSampler:
    """Make a search's sampler.

    Args:
        search: The search.
        num_trials: Number of its trials so far, which selects the random stream: a resumed search must not repeat
            proposals.

    Returns:
        The sampler.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of group, and of BruteForceSampler
        match search.sampler:
            case Tpe(seed=seed, startup=startup):  # group=True, because the space is conditional
                seed = integer_seed(seed, "sampler", trial=num_trials)
                return TPESampler(seed=seed, group=True, n_startup_trials=startup)
            case Random(seed=seed):
                return RandomSampler(integer_seed(seed, "sampler", trial=num_trials))
            case Grid(seed=seed):  # GridSampler does not support conditional spaces: it would repeat equal points
                return BruteForceSampler(integer_seed(seed, "sampler", trial=num_trials))
            case Points():
                return PointSampler(search.prior)
            case other:
                raise NotImplementedError(other.kind)
