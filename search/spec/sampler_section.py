"""The table ``[sampler]`` of a search file, one class per kind: how hyperparameters are proposed.

To add a kind, add a class here and Optuna's sampler in search/driver/sampler.py.
"""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from data_prep.errors import BadInputError
from models.spec import Value
from search.spec.sections import Section
from search.spec.space import Space


class Sampler(Section):
    """How hyperparameters are proposed.

    Attributes:
        enumerates: Whether it proposes given points only, all of them.
    """

    enumerates: ClassVar[bool] = False
    kind: str

    def check(self, space: Space, prior: Sequence[Mapping[str, Value]], trials: int, where: str) -> None:
        """Check that the sampler can propose the trials.

        Args:
            space: The search space.
            prior: The points of ``[[prior]]``, reduced to the searched settings.
            trials: Number of trials.
            where: The place for the error.

        Raises:
            BadInputError: If it cannot.
        """


class _Random(Sampler):
    """A sampler with a random stream."""

    seed: int = Field(default=0, ge=0, description="seed of the proposals")


class Tpe(_Random):
    """How hyperparameters are proposed (TPE, a tree-structured Parzen estimator)."""

    kind: str = Field(
        default="tpe",
        description='"tpe" learns from the trials so far, "random" does not, "grid" tries each point of a finite '
        'space, "points" only those of [[prior]]',
    )
    startup: int = Field(default=10, ge=1, le=10_000, description="random trials before the sampler learns")


class Random(_Random):
    """How hyperparameters are proposed: at random."""

    kind: str = Field(default="random", description=Tpe.model_fields["kind"].description)


class Grid(_Random):
    """How hyperparameters are proposed: each point of a finite space once, in random order."""

    enumerates: ClassVar[bool] = True
    kind: str = Field(default="grid", description=Tpe.model_fields["kind"].description)

    def check(self, space: Space, prior: Sequence[Mapping[str, Value]], trials: int, where: str) -> None:
        """Raise BadInputError for a real range without a step, and for more trials than points."""
        del prior
        for name in space.searched:
            if space.domains[name].count == math.inf:
                raise BadInputError(
                    "a grid needs a finite number of values for each hyperparameter",
                    f"{name} = {space.domains[name].to_toml()} has no step",
                    where,
                    'give it a step or a list of values, or choose the sampler "random"',
                )
        if trials > space.size():
            raise BadInputError(
                "a grid search has at most one trial per point",
                f"budget.trials = {trials}, and the space has {space.size():,.0f} points",
                where,
                "lower budget.trials, or search more values",
            )


class Points(Sampler):
    """How hyperparameters are proposed: the points of [[prior]] in turn, again from the first after the last."""

    enumerates: ClassVar[bool] = True
    kind: str = Field(default="points", description=Tpe.model_fields["kind"].description)

    def check(self, space: Space, prior: Sequence[Mapping[str, Value]], trials: int, where: str) -> None:
        """Raise BadInputError if there is no point, or one lacks a value of a searched setting."""
        del trials
        if not prior:
            raise BadInputError('the sampler "points" needs points', "there is no [[prior]]", where, "add some")
        for number, point in enumerate(prior, start=1):
            for name in space.searched:
                if name not in space.values(point) and space.spec_type.matters(name, space.values(point)):
                    raise BadInputError(
                        'the sampler "points" needs complete points',
                        f"[[prior]] {number} has no {name}",
                        where,
                        "add a value, or fix the setting in [space]",
                    )


SAMPLERS: tuple[type[Sampler], ...] = (Tpe, Random, Grid, Points)
"""All kinds, the default first."""
