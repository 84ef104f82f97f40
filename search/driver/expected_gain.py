"""How much the next trials of a search are expected to gain, by a Gaussian process over all trials so far.

The criterion is that of Makarova et al. 2022, "Automatic Termination for Hyperparameter Optimization": stop when the
gain is below the standard error that the best trial has over the folds. Optuna's evaluators of the gain were measured
on recorded searches and cannot be used (docs/search.md): they read complete trials only, of which ASHA leaves few, and
bound the regret instead of estimating the gain.

Symbols: N trials, M candidates, D axes of the space.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.randomness import stream
from models.metrics import Metric
from models.spec import Value
from search.spec.coordinates import coordinates
from search.spec.sections import NEXT_TRIALS
from search.spec.space import Space
from search.study.records import TrialRecord
from search.study.report import configurations

LEAST_FULL = 3
"""Fewest trials with the full budget: from their curves, the values of stopped trials are extrapolated."""

_CANDIDATES = 2048
_DRAWS = 1000
_MOST = 500
"""Most trials that the process is fitted to: the time of a fit is cubic in them."""

_LEAST_NOISE = 1e-4
"""Smallest variance of the noise of a value, as a share of the variance of the values."""

_LENGTHS = tuple(np.geomspace(0.3, 20.0, 8))
_VARIANCES = (0.25, 1.0, 4.0)
_Array = NDArray[np.float64]


class GainEstimator:
    """Estimates the gain of further trials of one search."""

    def __init__(self, space: Space, objective: Metric) -> None:
        """Initialize without drawing the candidates.

        Args:
            space: The search's space.
            objective: The metric that is optimised.
        """
        self._space, self._objective = space, objective

    def __call__(self, trials: Sequence[TrialRecord]) -> tuple[float, float] | None:
        """Estimate the gain of the next trials.

        A trial that was stopped counts at its last value plus the mean further gain of the full trials from that epoch
        on; the variance of that gain is the variance of its noise. The process is fitted to the better half of the
        trials. The gain is the expected maximum, over the 20 candidates with the largest expected improvement, of the
        improvement on the best trial.

        Args:
            trials: Finished trials.

        Returns:
            The gain and the standard error over the folds of the best trial, both in the objective's unit; None if
            there are too few full trials, or nothing is searched.
        """
        full = configurations(trials, self._objective)
        if len(full) < LEAST_FULL or not self._space.searched:
            return None
        best = full[0].score
        points, costs, noise = self._observations(trials, [each.trial for each in full])
        least = self._objective.cost(best.mean)
        return self._gain(points, costs, noise, least), best.standard_error

    def _observations(
        self, trials: Sequence[TrialRecord], full: Sequence[TrialRecord]
    ) -> tuple[_Array, _Array, _Array]:
        """Return the better half of the trials: [N, D] points, [N] costs after the full budget, [N] their variances."""
        to_come: dict[int, tuple[float, float]] = {}
        rows: list[tuple[float, float, TrialRecord]] = []
        curves = [self._curve(trial) for trial in full]
        for trial in trials:
            curve = self._curve(trial)
            if not curve:
                continue
            epoch = max(curve)
            if epoch not in to_come:
                to_come[epoch] = _further(curves, epoch)
            shift, variance = to_come[epoch]
            rows.append((curve[epoch] + shift, variance, trial))
        rows.sort(key=lambda row: row[0])
        rows = rows[: min(_MOST, max(NEXT_TRIALS, len(rows) // 2))]
        points = np.array([coordinates(self._space, trial.values) for *_, trial in rows])
        return points, np.array([row[0] for row in rows]), np.array([row[1] for row in rows])

    def _curve(self, trial: TrialRecord) -> dict[int, float]:
        """Return the cost of a trial after each epoch."""
        name, reports = self._objective.name, [each.report for each in trial.epochs]
        return {each.epoch: self._objective.cost(each.metrics[name].mean) for each in reports}

    def _gain(self, points: _Array, costs: _Array, noise: _Array, least: float) -> float:
        """Return the expected gain; see :meth:`__call__`."""
        from scipy.special import ndtr  # a search imports it after its first trials started

        mean, scale = float(costs.mean()), max(float(costs.std()), np.finfo(np.float64).tiny)
        process = _fitted(points, (costs - mean) / scale, np.maximum(noise / scale**2, _LEAST_NOISE))
        least = (least - mean) / scale
        means, predicted = process.predict(self._candidates, return_std=True)
        deviations: _Array = np.maximum(predicted, np.sqrt(np.finfo(np.float64).eps))
        z: Any = (least - means) / deviations
        improvement = deviations * (z * ndtr(z) + np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi))
        promising = self._candidates[np.argsort(-improvement)[:NEXT_TRIALS]]
        centre, covariance = process.predict(promising, return_cov=True)
        normal = stream(0, "expected gain")
        draws = normal.multivariate_normal(centre, covariance, _DRAWS, check_valid="ignore", method="eigh")
        return float(np.maximum(least - draws.min(axis=1), 0.0).mean() * scale)

    @cached_property
    def _candidates(self) -> _Array:
        """[M, D] random points of the space."""
        chosen = _AtRandom(stream(0, "candidates"))
        return np.array([coordinates(self._space, self._space(chosen)) for _ in range(_CANDIDATES)])


def _further(curves: Sequence[Mapping[int, float]], epoch: int) -> tuple[float, float]:
    """Return mean and variance of what the costs of full trials change after an epoch."""
    changes = [curve[max(curve)] - curve[epoch] for curve in curves if epoch in curve]
    return float(np.mean(changes)), float(np.var(changes, ddof=1))


def _fitted(points: _Array, costs: _Array, noise: _Array) -> Any:
    """Return a Gaussian process with the Matern kernel, and the length and variance of largest marginal likelihood.

    Args:
        points: [N, D].
        costs: [N] standardised.
        noise: [N] the variance of each.

    Returns:
        scikit-learn's regressor. With two parameters and known noise, a grid is as good as a gradient, and always ends.
    """
    from sklearn import gaussian_process  # it is slow to import

    library: Any = gaussian_process  # it is partly untyped

    def fit(length: float, variance: float) -> Any:
        kernel = library.kernels.ConstantKernel(variance) * library.kernels.Matern(length, nu=2.5)
        return library.GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(points, costs)

    fits = (fit(length, variance) for length, variance in product(_LENGTHS, _VARIANCES))
    return max(fits, key=lambda process: process.log_marginal_likelihood_value_)


class _AtRandom:
    """Takes the part of a trial: a space samples its values from here."""

    def __init__(self, numbers: np.random.Generator) -> None:
        self._numbers = numbers

    def suggest_categorical(self, name: str, choices: tuple[Value, ...]) -> Value:
        del name
        return choices[int(self._numbers.integers(len(choices)))]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return low + step * round((self.suggest_float(name, low, high, log=log) - low) / step)

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        del name, step
        if log:
            return math.exp(self._numbers.uniform(math.log(low), math.log(high)))
        return float(self._numbers.uniform(low, high))
