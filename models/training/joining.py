"""Training that begins with some of the folds: most trials are stopped early, and one fold already tells enough.

The first folds are trained up to an epoch; then the others up to the same epoch; then all in lockstep. Every fold gets
the numbers that it would have had from the start, up to rounding: its random streams do not depend on the others.
"""

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, Protocol, cast

import torch

from models.family import EpochReport, Training
from models.metrics import FoldValues


class StartFolds(Protocol):
    """Builds the training of some of the folds."""

    def __call__(self, folds: range) -> Training:
        """Return the training, at its beginning."""
        ...


class JoiningTraining:
    """A trial whose folds join; see ``models.family.Training``."""

    def __init__(self, start: StartFolds, *, num_folds: int, first: int, until: int) -> None:
        """Prepare the first folds.

        Args:
            start: Builds the training of some of the folds.
            num_folds: Number of all folds G.
            first: Number of folds that are trained first, fewer than G.
            until: The epoch after which the others join.
        """
        self._start, self._num_folds, self._first, self._until = start, num_folds, first, until
        self._training = start(range(first))
        self._joined = False
        self._epoch = 0

    @property
    def num_parameters(self) -> int:
        """Number of parameters of one fold's model."""
        return self._training.num_parameters

    def epochs(self) -> Iterator[EpochReport]:
        """Yield one report per epoch: of the first folds, then of all. The first of all has the others' time too."""
        catching_up = 0.0
        if not self._joined:
            for report in islice(self._training.epochs(), self._until - self._epoch):
                self._epoch = report.epoch
                yield report
            began = time.perf_counter()
            diverged = self._join()
            if diverged is not None:
                yield diverged
                return
            catching_up = time.perf_counter() - began
        for report in self._training.epochs():
            self._epoch = report.epoch
            yield replace(report, seconds=report.seconds + catching_up)
            catching_up = 0.0

    def _join(self) -> EpochReport | None:
        """Train the other folds up to the same epoch, and continue with all; return a report if one has diverged."""
        others = self._start(range(self._first, self._num_folds))
        for report in islice(others.epochs(), self._until):
            if not all(values.is_finite for values in report.metrics.values()):
                nothing = FoldValues((math.nan,) * self._num_folds)
                return EpochReport(self._until + 1, dict.fromkeys(report.metrics, nothing), 0.0, report.backend)
        state = _stacked(self._training.state(), others.state())
        self._training = self._start(range(self._num_folds))
        self._training.restore(state)
        self._joined = True
        return None

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to resume after the last finished epoch."""
        return {"joined": self._joined, "epoch": self._epoch, "training": self._training.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of the same spec and data."""
        self._joined, self._epoch = bool(state["joined"]), int(state["epoch"])
        if self._joined:
            self._training = self._start(range(self._num_folds))
        self._training.restore(state["training"])

    def weights(self) -> Mapping[str, Any]:
        """Return the model's tensors."""
        return self._training.weights()

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """Return the vocabulary of all folds."""
        return self._training.vocabulary


def _stacked(first: Mapping[Any, Any], others: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a state of all folds from those of some and of the others: tensors [G, ...] in dictionaries."""
    return {name: _stacked_value(value, others[name]) for name, value in first.items()}


def _stacked_value(first: Any, others: Any) -> Any:
    if isinstance(first, torch.Tensor):
        return torch.cat([first, others]) if first.dim() else first  # a number of steps is the same in all folds
    return _stacked(cast("dict[Any, Any]", first), others) if isinstance(first, dict) else first
