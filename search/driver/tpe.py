"""Optuna's TPE sampler at a cost that hardly grows with the trials: the same proposals from the same seed.

Optuna's own goes through all past trials in Python at every proposal, for each group of settings that are sampled
jointly: to find the groups, to rank the trials, to turn their settings into numbers, and to integrate the kernels of
whole-numbered settings. A finished trial never changes, so here it is read once, into a row of numbers; the rest is
vectorised arithmetic. No trial is forgotten, and the densities are Optuna's but for rounding.
"""

# Optuna's sampler has no public seam for this, and is partly untyped:
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false
# ruff: noqa: SLF001

import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from optuna import Study
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.exceptions import ExperimentalWarning
from optuna.samplers import TPESampler
from optuna.samplers._tpe.parzen_estimator import _ParzenEstimator, _ParzenEstimatorParameters
from optuna.samplers._tpe.probability_distributions import _BatchedCategoricalDistributions
from optuna.samplers._tpe.sampler import default_gamma
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

_Array: TypeAlias = npt.NDArray[np.float64]

_COMPLETE, _PRUNED, _RUNNING, _NONE = range(4)
"""Kinds of trials, best first."""

_KINDS = {TrialState.COMPLETE: _COMPLETE, TrialState.PRUNED: _PRUNED, TrialState.FAIL: _PRUNED}


class VectorisedDensity(_ParzenEstimator):
    """A mixture of n kernels, each a product over settings, whose density at m points is one (m, n) computation."""

    def log_pdf(self, samples_dict: dict[str, _Array]) -> _Array:
        """Give the logarithm of the density at m points, given by setting."""
        stacked = np.stack(list(samples_dict.values()))
        points, at = np.unique(stacked, axis=1, return_inverse=True)  # with steps and choices, many are equal
        mixture = self._mixture_distribution
        total: _Array = np.log(mixture.weights)[None, :]
        for values, kernels in zip(points, mixture.distributions, strict=True):
            if isinstance(kernels, _BatchedCategoricalDistributions):
                chosen, which = np.unique(values.astype(int), return_inverse=True)
                densities = np.log(kernels.weights.T[chosen])
            else:
                chosen, which = np.unique(values, return_inverse=True)
                densities = _log_kernel(chosen[:, None], kernels)
            total = total + densities[which]
        largest = total.max(axis=1, keepdims=True)
        return (np.log(np.exp(total - largest).sum(axis=1)) + largest[:, 0])[at.ravel()]

    def _calculate_categorical_distributions(
        self,
        observations: _Array,
        param_name: str,
        search_space: CategoricalDistribution,
        parameters: _ParzenEstimatorParameters,
    ) -> _BatchedCategoricalDistributions:
        """Give Optuna's kernels: what was chosen has 1 more than the prior's share, and the last one is the prior's."""
        del param_name
        num_kernels, num_choices = len(observations) + 1, len(search_space.choices)
        prior = parameters.prior_weight / num_kernels
        total = 1 + num_choices * prior
        weights = np.full((num_kernels, num_choices), prior / total)
        weights[np.arange(len(observations)), observations.astype(int)] = (1 + prior) / total
        weights[-1] = 1 / num_choices
        return _BatchedCategoricalDistributions(weights)


def _log_kernel(points: _Array, kernels: Any) -> _Array:
    """Give log densities (m, n) at points (m, 1) of normal kernels that are cut off at the bounds.

    A setting with steps takes the mass of the step around it. Optuna counts a logarithmic one's density in log x.
    """
    mu: _Array
    sigma: _Array
    mu, sigma = kernels.mu, kernels.sigma
    if kernels.step:  # many are equal
        unlike, which = np.unique(mu + 1j * sigma, return_inverse=True)
        return _log_steps(points, unlike.real, unlike.imag, kernels)[:, which]
    deviation = ((np.log(points) if kernels.is_log else points) - mu) / sigma
    return -(deviation**2) / 2 - np.log(sigma * math.sqrt(2 * math.pi)) - _log_between(mu, sigma, kernels)


def _log_steps(points: _Array, mu: _Array, sigma: _Array, kernels: Any) -> _Array:
    scale = np.log if kernels.is_log else np.asarray
    left, right = ((scale(points + half) - mu) / sigma for half in (-kernels.step / 2, kernels.step / 2))
    return _log_mass(left, right) - _log_between(mu, sigma, kernels)


def _log_between(mu: _Array, sigma: _Array, kernels: Any) -> _Array:
    """Give the logarithm of the kernels' mass between their setting's bounds."""
    return _log_mass((kernels.adapted_low - mu) / sigma, (kernels.adapted_high - mu) / sigma)


def _log_mass(low: _Array, high: _Array) -> _Array:
    """Give the logarithm of a standard normal's mass between bounds; in the left tail, where no digits cancel."""
    from scipy.special import log_ndtr  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]  (after random ones)

    low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
    log_high = log_ndtr(high)
    return log_high + np.log1p(-np.exp(log_ndtr(low) - log_high))


class ReadOnceTPESampler(TPESampler):
    """Samples the trials of one study of one objective, without constraints, by groups of settings.

    Unlike Optuna's, it learns from failed trials too: settings that diverge, or are too large for the memory that there
    is, rank behind all others, as one that was pruned before it reported.

    Past trials are rows, by number: their P settings in Optuna's internal numbers, nan where one did not matter; and
    their rank (kind, depth, value), ascending from the best: complete ones by value, pruned ones by depth, then value.
    """

    def __init__(self, names: Sequence[str], *, seed: int, num_startup: int) -> None:
        """Begin without trials; ``names`` are all P settings that are ever sampled."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # group: conditional settings are sampled jointly
            super().__init__(seed=seed, group=True, n_startup_trials=num_startup)
        self._columns = {name: column for column, name in enumerate(names)}
        self._read: set[int] = set()
        self._seen: set[frozenset[str]] = set()
        self._rows = np.empty((0, len(names)))
        self._ranks = np.empty((0, 3))
        self._running: dict[int, _Array] = {}
        self._past = (self._rows, self._rows)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Take in what happened since the last trial, and give the settings that are sampled by group."""
        past = study._get_trials(deepcopy=False, states=(*_KINDS, TrialState.RUNNING))
        unread = [other for other in past if other._trial_id not in self._read]
        running = [other for other in unread if other.state == TrialState.RUNNING]
        self._make_room(past[-1].number + 1)  # the trial itself is among them, or a later one
        self._take_in((other for other in unread if other.state in _KINDS), study)
        self._past = self._split([other for other in running if other.number != trial.number], study)
        return {name: one for name, one in self._distributions().items() if not one.single()}

    def _make_room(self, num_trials: int) -> None:
        lacking = num_trials - len(self._rows)
        if lacking > 0:
            self._rows = np.pad(self._rows, ((0, lacking), (0, 0)), constant_values=np.nan)
            self._ranks = np.pad(self._ranks, ((0, lacking), (0, 0)), constant_values=_NONE)

    def _take_in(self, finished: Iterable[FrozenTrial], study: Study) -> None:
        sign = 1.0 if study.direction == StudyDirection.MINIMIZE else -1.0
        assert self._group_decomposed_search_space is not None
        self._search_space_group = self._group_decomposed_search_space._search_space
        for trial in finished:
            self._read.add(trial._trial_id)
            names = frozenset(trial.distributions)
            if names not in self._seen:  # only a new set of settings cuts the groups finer
                self._seen.add(names)
                self._search_space_group.add_distributions(trial.distributions)
            self._rows[trial.number] = self._row(trial.params, trial.distributions)
            self._ranks[trial.number] = _KINDS[trial.state], *_depth_and_value(trial, sign)

    def _distributions(self) -> dict[str, BaseDistribution]:
        assert self._search_space_group is not None
        return {name: one for group in self._search_space_group.search_spaces for name, one in sorted(group.items())}

    def _row(self, params: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> _Array:
        row = np.full(len(self._columns), np.nan)
        for name, value in params.items():
            row[self._columns[name]] = distributions[name].to_internal_repr(value)
        return row

    def _hopes(self, trial: FrozenTrial, study: Study) -> _Array:
        """Give the row of a trial that runs: what it has, and what was proposed for it; neither changes any more."""
        return self._row(self._get_params(trial, study), {**self._distributions(), **trial.distributions})

    def _split(self, running: Sequence[FrozenTrial], study: Study) -> tuple[_Array, _Array]:
        """Give the rows of the best few trials, and of all others, those that run among them; each by number."""
        rows, (kinds, depths, values) = self._rows.copy(), self._ranks.T.copy()
        self._running = {
            trial.number: self._running[trial.number] if trial.number in self._running else self._hopes(trial, study)
            for trial in running
        }
        for number, row in self._running.items():
            rows[number], kinds[number] = row, _RUNNING
        order = np.lexsort((values, depths, kinds))
        num_finished = int((kinds < _RUNNING).sum())
        below, above, _ = np.split(order, [default_gamma(num_finished), num_finished + len(running)])
        return rows[np.sort(below)], rows[np.sort(above)]

    def _sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Propose values for one group, as Optuna's own does after its first random trials."""
        enough = search_space and len(self._read) >= self._n_startup_trials
        return self._sample(study, trial, search_space) if enough else {}

    def _sample(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> dict[str, Any]:
        """Propose values for one group, as Optuna's own does."""
        del study, trial
        columns = [self._columns[name] for name in search_space]
        below, above = (
            VectorisedDensity(
                dict(zip(search_space, rows[~np.isnan(rows).any(axis=1)].T, strict=True)),
                search_space,
                self._parzen_estimator_parameters,
            )
            for rows in (past[:, columns] for past in self._past)
        )
        samples = below.sample(self._rng.rng, self._n_ei_candidates)
        best = self._compare(samples, below.log_pdf(samples) - above.log_pdf(samples))
        return {name: one.to_external_repr(best[name]) for name, one in search_space.items()}


def _depth_and_value(trial: FrozenTrial, sign: float) -> tuple[float, float]:
    """Rank a trial among its kind, as Optuna does; one that failed, or was pruned before it reported, comes last."""
    if trial.state == TrialState.COMPLETE:
        assert trial.value is not None
        return 0.0, sign * trial.value
    steps = trial.intermediate_values
    judged = steps and trial.state == TrialState.PRUNED
    return (-max(steps), sign * steps[max(steps)]) if judged else (1.0, 0.0)
