"""The training of one trial: all folds in lockstep, one report per epoch, resumable between epochs.

No random state is carried from epoch to epoch: every stream is named by its epoch, so a state consists of the weights,
the optimiser's state and the epoch's number.
"""

import copy
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from models.family import EpochReport
from models.folded.backends import chosen
from models.folded.optimiser import FoldedOptimiser
from models.metrics import TRAIN_LOSS, FoldValues
from models.training.hyperparameters import TrainingSpec

_CHECK_EVERY = 16
"""Steps between checks that the loss is finite; on a GPU each check synchronises."""


@dataclass(frozen=True)
class StepLoss:
    """One step's loss on each fold.

    Attributes:
        loss: [G] the loss to be differentiated.
        total: [G] summed loss of the step's notes or cells, detached.
        count: [G] number of the notes or cells.
    """

    loss: Tensor
    total: Tensor
    count: Tensor


class Task(Protocol):
    """A stacked model with its data, to be trained."""

    @property
    def model(self) -> nn.Module:
        """The stacked model, parameters [G, ...]."""
        ...

    @property
    def num_folds(self) -> int:
        """Number of folds G."""
        ...

    def num_steps(self, epoch: int) -> int:
        """Return the number of steps in an epoch."""
        ...

    @property
    def holds_out(self) -> bool:
        """Whether any data is held out for scoring."""
        ...

    @property
    def metric_names(self) -> Sequence[str]:
        """Names of the metrics that ``evaluate`` returns."""
        ...

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """JSON-serializable data that a trained model needs in addition to its spec and weights."""
        ...

    def losses(self, epoch: int) -> Iterator[StepLoss]:
        """Yield the loss of each step of an epoch; the model is updated after each."""
        ...

    def evaluate(self, epoch: int) -> dict[str, FoldValues]:
        """Score the held-out data of every fold."""
        ...


class LockstepTraining:
    """A trial in training; see ``models.family.Training``."""

    def __init__(self, task: Task, spec: TrainingSpec) -> None:
        """Prepare the first epoch.

        Args:
            task: The model and its data.
            spec: The settings of training.
        """
        _keep_freed_memory()
        self._task = task
        self._spec = spec
        self._optimiser = FoldedOptimiser(
            task.model.parameters(), spec.optimiser, weight_decay=spec.weight_decay, clip=spec.clip
        )
        self._backend = chosen(next(task.model.parameters()).device.type)
        self._epoch = 0

    @property
    def num_parameters(self) -> int:
        """Number of parameters of one fold's model."""
        return sum(parameter.numel() for parameter in self._task.model.parameters()) // self._task.num_folds

    def epochs(self) -> Iterator[EpochReport]:
        """Train from the last finished epoch up to the full budget.

        Yields:
            One report per epoch. If a loss is not finite, the metrics of the report are not either, and it is the last.
        """
        while self._epoch < self._spec.epochs:
            began = time.perf_counter()
            epoch = self._epoch + 1
            train_loss = self._train(epoch)
            if train_loss.is_finite:
                metrics = self._task.evaluate(epoch) if self._task.holds_out else {}
            else:
                metrics = dict.fromkeys(self._task.metric_names, FoldValues((math.nan,) * self._task.num_folds))
            metrics[TRAIN_LOSS.name] = train_loss
            self._epoch = epoch
            yield EpochReport(epoch, metrics, time.perf_counter() - began, str(self._backend))
            if not all(values.is_finite for values in metrics.values()):
                return

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to resume after the last finished epoch."""
        return copy.deepcopy(
            {"epoch": self._epoch, "model": self._task.model.state_dict(), "optimiser": self._optimiser.state()}
        )

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of the same spec and data."""
        self._task.model.load_state_dict(state["model"])
        self._optimiser.restore(state["optimiser"])
        self._epoch = int(state["epoch"])

    def weights(self) -> Mapping[str, Any]:
        """Return the model's tensors."""
        return copy.deepcopy(self._task.model.state_dict())

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """Return the task's vocabulary."""
        return self._task.vocabulary

    def _train(self, epoch: int) -> FoldValues:
        """Train one epoch and return its mean loss; stop early if the loss is not finite."""
        num_steps = self._task.num_steps(epoch)
        total = count = torch.zeros(self._task.num_folds)
        for number, step in enumerate(self._task.losses(epoch)):
            done = (epoch - 1 + (number + 0.5) / num_steps) / self._spec.epochs
            self._optimiser.step(step.loss, self._spec.lr_at(done))
            total, count = total.to(step.total) + step.total, count.to(step.count) + step.count
            if number % _CHECK_EVERY == 0 and not bool(torch.isfinite(total).all()):
                break
        return FoldValues(tuple(float(value) for value in total / count))


def _keep_freed_memory() -> None:
    """Make glibc retain up to 64 MiB of freed memory for the next step, instead of returning it to the system.

    Glibc adapts to the largest block of at most 32 MiB that was ever freed. Without this, new pages for the tensors of
    each step took up to a tenth of the time.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)
