"""The table ``[sampler]`` of a search file, one class per kind: how hyperparameters are proposed.

To add a kind, add a class here and Optuna's sampler in search/driver/sampler.py.
"""

import math

from pydantic import Field

from data_prep.errors import BadInputError
from search.spec.sections import Section
from search.spec.space import Space


class Sampler(Section):
    """How hyperparameters are proposed."""

    kind: str
    seed: int = Field(default=0, ge=0, description="seed of the proposals")

    def check(self, space: Space, trials: int, where: str) -> None:
        """Raise BadInputError if the sampler cannot propose that many trials; ``where`` is the place for the error."""


class Tpe(Sampler):
    """How hyperparameters are proposed (TPE, a tree-structured Parzen estimator)."""

    kind: str = Field(
        default="tpe",
        description='"tpe" learns from the trials so far, "random" does not, "grid" tries each point of a finite space',
    )
    startup: int = Field(default=10, ge=1, le=10_000, description="random trials before the sampler learns")


class Random(Sampler):
    """How hyperparameters are proposed: at random."""

    kind: str = Field(default="random", description=Tpe.model_fields["kind"].description)


class Grid(Sampler):
    """How hyperparameters are proposed: each point of a finite space once, in random order."""

    kind: str = Field(default="grid", description=Tpe.model_fields["kind"].description)

    def check(self, space: Space, trials: int, where: str) -> None:
        """Raise BadInputError for a real range without a step, and for more trials than points."""
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


SAMPLERS: tuple[type[Sampler], ...] = (Tpe, Random, Grid)
"""All kinds, the default first."""
