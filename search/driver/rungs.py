"""Where ASHA's rungs lie and how many trials to expect at each: plain arithmetic, in epochs."""

from itertools import pairwise


def rungs(first: int, reduction: int, epochs: int) -> tuple[int, ...]:
    """Give the epochs at which weak trials are stopped: first, first x reduction, ... below the full budget."""
    assert first >= 1
    assert reduction > 1
    found: list[int] = []
    while first < epochs:
        found.append(first)
        first *= reduction
    return tuple(found)


def expected_trials(first: int, reduction: int, epochs: int, trials: int) -> tuple[tuple[int, float], ...]:
    """Estimate how many trials reach each rung and the full budget.

    Args:
        first: The first rung, in epochs.
        reduction: One trial in so many passes a rung.
        epochs: The full budget.
        trials: Trials in all.

    Returns:
        (epoch, trials that train up to it), ascending; the last is the full budget.
    """
    levels = (*rungs(first, reduction, epochs), epochs)
    return tuple((epoch, max(min(trials, 1.0), trials / reduction**index)) for index, epoch in enumerate(levels))


def expected_epochs(first: int, reduction: int, epochs: int, trials: int) -> float:
    """Estimate the epochs that all trials together train."""
    reached = [(0, 0.0), *expected_trials(first, reduction, epochs, trials)]
    return sum((epoch - before) * count for (before, _), (epoch, count) in pairwise(reached))
