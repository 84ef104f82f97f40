"""Settings of gradient training, shared by families."""

import math
from functools import cache
from typing import Literal

from models.spec import Setting, Spec, setting

_WARM_UP = 0.05
"""Share of the budget over which the cosine schedule's learning rate rises."""


class TrainingSpec(Spec):
    """Hyperparameters of gradient training. A family adds its own, and overrides defaults with ``with_default``.

    Pydantic collects fields from the last base to the first: in ``class NetSpec(TrainingSpec, NetworkSpec)`` those of
    NetworkSpec come first.
    """

    optimiser: Literal["sgd", "rmsprop", "adam", "adamw"] = setting(
        "adamw", "the update rule", memory_order=("sgd", "rmsprop", "adam", "adamw")
    )
    lr: float = setting(3e-3, "learning rate", low=1e-6, high=10.0)
    weight_decay: float = setting(0.1, "decoupled weight decay", low=0.0, high=10.0, when={"optimiser": ("adamw",)})
    schedule: Literal["constant", "cosine"] = setting(
        "cosine", "learning rate over the full budget: constant, or 5 % linear warm-up and a cosine to zero"
    )
    clip: float = setting(1.0, "largest norm of a fold's gradient; 0 does not clip", low=0.0, high=1e6)
    batch_size: int = setting(8, "windows of each fold per step", low=1, high=1024, unit="windows")
    epochs: int = setting(
        12,
        "the full budget, over which the schedule runs",
        low=1,
        high=100_000,
        unit="epochs",
        takes_memory=False,
    )

    @classmethod
    @cache
    def settings(cls) -> dict[str, Setting]:
        """Return every setting in the order of sampling; ``epochs``, which is not sampled, is last."""
        settings = dict(super().settings())
        settings["epochs"] = settings.pop("epochs")
        return settings

    def lr_at(self, done: float) -> float:
        """Return the learning rate after a share ``done`` (0..1) of the budget."""
        if self.schedule == "constant":
            return self.lr
        if done < _WARM_UP:
            return self.lr * done / _WARM_UP
        return self.lr * 0.5 * (1.0 + math.cos(math.pi * (done - _WARM_UP) / (1.0 - _WARM_UP)))
