"""``tunesmith trials --front``: the trials that no other trial beats in both quality and cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_prep.errors import Action, BadInputError
from models.family import Family
from search.promotion.rule import candidates, choose, with_sizes
from search.study.records import SearchRecord
from search.study.report import CostedTrial, best_trials, costed_trials
from search.trials.sizes import num_parameters
from tunesmith.console import warn

COSTS: Mapping[str, str] = {"params": "parameters", "seconds": "seconds per epoch"}
"""The costs of a trial in words: parameters of one fold's model, and mean training time of an epoch of all folds."""


@dataclass(frozen=True)
class Front:
    """Quality against cost in a search.

    Attributes:
        cost: A key of ``COSTS``.
        trials: All complete trials, by cost ascending; then the best first.
        sizes: Numbers of parameters by trial; all trials if they are the cost, otherwise those of the front.
        promoted: The trial that a promotion chooses by its rule; None if the parameters cannot be counted.
    """

    cost: str
    trials: Sequence[CostedTrial]
    sizes: Mapping[int, int]
    promoted: int | None

    @property
    def best(self) -> list[CostedTrial]:
        """The trials on the front, from cheap to good."""
        return [trial for trial in self.trials if trial.on_front]


def quality_against_cost(record: SearchRecord, family: Family[Any, Any], cost: str) -> Front:
    """Find the front of a search.

    Args:
        record: The search.
        family: Its family.
        cost: A key of ``COSTS``.

    Returns:
        The front.

    Raises:
        BadInputError: If no trial is complete, or parameters are the cost and the data cannot be prepared or has
            changed.
    """
    objective, name = family.metrics[0], record.spec.name
    numbers = [trial.number for trial in best_trials(record.trials, objective)]
    if not numbers:
        raise BadInputError(
            "only trials with their full budget are compared",
            f"{name} has no such trial yet",
            remedy="resume the search without a time limit",
            action=Action("remove time limit", {"search": name}),
        )
    if cost == "params":
        sizes = _sizes(record, family, numbers)
        costed = costed_trials(record.trials, objective, sizes)
    else:
        costed = costed_trials(
            record.trials, objective, {each: record.trial(each).seconds_per_epoch for each in numbers}
        )
        sizes = _sizes_if_possible(record, family, [each.number for each in costed if each.on_front])
    promoted = choose(with_sizes(candidates(record, objective), sizes)).number if sizes else None
    return Front(cost, costed, sizes, promoted)


def _sizes_if_possible(record: SearchRecord, family: Family[Any, Any], front: Sequence[int]) -> dict[int, int]:
    """Count the parameters of trials on the front, and of those that a promotion compares."""
    tied = [each.number for each in candidates(record, family.metrics[0]) if each.ties]
    try:
        return _sizes(record, family, [*front, *tied])
    except BadInputError as error:  # the front itself does not need the data
        warn(f"parameters could not be counted: {error}")
        return {}


def _sizes(record: SearchRecord, family: Family[Any, Any], numbers: Sequence[int]) -> dict[int, int]:
    """Count the parameters of trials; prepare the search's data only if they were not counted before."""
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.data import prepared_data

    def data() -> Any:
        prepared = prepared_data(record.spec)
        if prepared.fingerprint != record.fingerprint:
            raise BadInputError(
                "parameters are counted on the data of the search",
                f"the fingerprint of {record.spec.data.corpus} was {record.fingerprint} and is now "
                f"{prepared.fingerprint}",
                remedy="restore its files",
            )
        return prepared.data

    specs = {number: family.spec_type.from_values(record.trial(number).values) for number in numbers}
    with Bar() as bar:
        return num_parameters(family, specs, record.fingerprint, data, bar)
