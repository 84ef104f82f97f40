"""Intervals and tests for judgements that are grouped by listener and by item.

Symbols: n judgements y; m their mean; L listeners and I items (groups); e = y - m; V the variance of m; d degrees of
freedom.

Judgements of one listener resemble each other, and so do judgements of one item. The variance of the mean is therefore
estimated with both as groups (Cameron, Gelbach and Miller 2011):

    V = V_listeners + V_items - V_judgements,      V_groups = G / (G - 1) * sum over groups (sum of e)^2 / n^2,

and never taken as smaller than that of independent judgements. Quantiles are those of Student's t with min(L, I) - 1
degrees of freedom. Two alternatives were rejected. A bootstrap over listeners and items counts the noise of single
judgements up to three times (Owen 2007). A mixed logistic model needs more groups than such tests have, and is in no
library that is used here; for a mean, this is its estimator by moments.

Sources: A. C. Cameron, J. B. Gelbach and D. L. Miller, "Robust inference with multiway clustering", Journal of Business
and Economic Statistics 29 (2011). A. B. Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007). Exact
interval: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934). Equivalence: D. J. Schuirmann, Journal of
Pharmacokinetics and Biopharmaceutics 15 (1987). d' of a choice between two: N. A. Macmillan and C. D. Creelman,
Detection Theory (2nd edition, 2005), chapter 7.
"""

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

_special: Any = special  # it is only partly typed

CONFIDENCE = 0.95
"""Of all printed intervals."""


@dataclass(frozen=True)
class Estimate:
    """The mean of grouped judgements.

    Attributes:
        mean: The mean.
        error: Its standard error.
        df: Degrees of freedom of Student's t; infinite for judgements that are taken as independent.
        count: Number of judgements.
        effective: Number of independent judgements with the same standard error.
        low: Lower end of the interval at CONFIDENCE.
        high: Its upper end.
    """

    mean: float
    error: float
    df: float
    count: int
    effective: float
    low: float
    high: float


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of whether a mean is within a margin.

    Attributes:
        p: The larger p-value: the probability of such data if the mean is at or beyond the nearer end of the margin.
        low: Lower end of the interval that is inside the margin exactly if the test succeeds.
        high: Its upper end.
        shown: Whether p is below the level of the test.
    """

    p: float
    low: float
    high: float
    shown: bool


def exact_interval(hits: int, count: int, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Clopper and Pearson's interval for a share.

    Args:
        hits: Number of successes.
        count: Number of independent trials, at least 1.
        confidence: Probability with which such intervals contain the share, at least.

    Returns:
        Its ends.
    """
    tail = (1 - confidence) / 2
    low = float(_special.betaincinv(hits, count - hits + 1, tail)) if hits else 0.0
    high = float(_special.betaincinv(hits + 1, count - hits, 1 - tail)) if hits < count else 1.0
    return low, high


def d_prime(share: float, count: int) -> float:
    """Return the sensitivity d' of a choice between two, sqrt(2) * z(share).

    Args:
        share: Share of right choices.
        count: Number of choices; shares of 0 and 1, whose d' is infinite, are moved by half a choice.

    Returns:
        d', 0 for guessing.
    """
    half = 0.5 / count
    return math.sqrt(2) * float(_special.ndtri(min(max(share, half), 1 - half)))


def clustered(
    values: Sequence[float],
    listeners: Sequence[Hashable],
    items: Sequence[Hashable],
    scale: tuple[float, float] | None = None,
) -> Estimate:
    """Estimate the mean of grouped judgements.

    Args:
        values: [n] judgements.
        listeners: [n] the listener of each, at least two different ones.
        items: [n] the item of each, at least two different ones.
        scale: The least and the greatest possible value, which are added to the judgements where the variance of
            independent judgements is estimated, so that it is positive even if all are equal; None adds none.

    Returns:
        The estimate; its interval is cut to the scale.
    """
    y = np.asarray(values, np.float64)
    deviation, count = y - y.mean(), len(y)
    ends = np.array(scale or (), np.float64)
    independent = float(np.append(y, ends).var(ddof=1)) / count
    by_listener, by_item = (_group_variance(deviation, groups) for groups in (listeners, items))
    by_judgement = float(deviation @ deviation) / (count * (count - 1))
    variance = max(by_listener + by_item - by_judgement, independent)
    df = min(len(set(listeners)), len(set(items))) - 1
    effective = count * independent / variance if variance else float(count)
    return _estimate(float(y.mean()), math.sqrt(variance), df, count, effective, scale)


def independent(values: Sequence[float], scale: tuple[float, float]) -> Estimate:
    """Estimate the mean of judgements whose listeners and items are unknown, as if they were independent.

    Args:
        values: [n] judgements.
        scale: The least and the greatest possible value; see :func:`clustered`.

    Returns:
        The estimate, whose interval is too narrow if listeners or items differ.
    """
    y = np.asarray(values, np.float64)
    error = math.sqrt(float(np.append(y, scale).var(ddof=1)) / len(y))
    return _estimate(float(y.mean()), error, math.inf, len(y), float(len(y)), scale)


def equivalence(estimate: Estimate, centre: float, margin: float, level: float) -> Equivalence:
    """Test whether a mean differs from a value by less than a margin.

    Args:
        estimate: The mean.
        centre: The value.
        margin: The margin, which must have been fixed before the judgements were seen.
        level: Greatest probability of a false success.

    Returns:
        The result of two one-sided tests.
    """
    distance = margin - abs(estimate.mean - centre)
    p = 1 - _t_cdf(estimate.df, distance / estimate.error) if estimate.error else float(distance <= 0)
    reach = _t_quantile(estimate.df, 1 - level) * estimate.error
    return Equivalence(p, estimate.mean - reach, estimate.mean + reach, p < level)


def planned_judgements(margin: float, spread: float, level: float, power: float) -> int:
    """Return the number of independent judgements that an equivalence test needs if there is no difference.

    n = (z(1 - level) + z((1 + power) / 2))^2 * spread^2 / margin^2, the size of two one-sided tests.

    Args:
        margin: The margin.
        spread: Standard deviation of a judgement, in the unit of the margin: 1/2 for right and wrong.
        level: Greatest probability of a false success.
        power: Probability of success.

    Returns:
        The number.
    """
    quantiles = float(_special.ndtri(1 - level)) + float(_special.ndtri((1 + power) / 2))
    return math.ceil((quantiles * spread / margin) ** 2)


def _group_variance(deviation: NDArray[np.float64], groups: Sequence[Hashable]) -> float:
    numbers: dict[Hashable, int] = {}
    index = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
    sums, count = np.bincount(index, deviation), len(numbers)
    return count / (count - 1) * float(sums @ sums) / len(deviation) ** 2


def _estimate(
    mean: float, error: float, df: float, count: int, effective: float, scale: tuple[float, float] | None
) -> Estimate:
    reach = _t_quantile(df, (1 + CONFIDENCE) / 2) * error
    least, greatest = scale or (-math.inf, math.inf)
    return Estimate(mean, error, df, count, effective, max(mean - reach, least), min(mean + reach, greatest))


def _t_quantile(df: float, share: float) -> float:
    return float(_special.stdtrit(df, share)) if math.isfinite(df) else float(_special.ndtri(share))


def _t_cdf(df: float, value: float) -> float:
    return float(_special.stdtr(df, value)) if math.isfinite(df) else float(_special.ndtr(value))
