"""A small real family: gradient descent on least squares, one problem per fold, fast enough for hundreds of trials."""

import os
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.figure import Figure

from data_prep.progress import Progress
from data_prep.randomness import stream
from models.family import Baseline, EpochReport, Preset, Scored, Training
from models.metrics import FoldValues, Metric
from models.serving import Serving
from models.spec import Spec, setting

LOSS = Metric("loss", "squares", "minimise", "mean squared error on held-out rows")


class ToySpec(Spec):
    solver: Literal["gradient", "momentum"] = setting("gradient", "update rule")
    momentum: float = setting(0.5, "share of the last step", low=0.0, high=0.99, when={"solver": ("momentum",)})
    lr: float = setting(0.1, "step", low=1e-4, high=100.0)
    columns: int = setting(4, "columns that are used", low=1, high=8, earlier=8)
    pause: float = setting(0.0, "rest in every epoch", low=0.0, high=10.0, unit="seconds")
    trouble: Literal["none", "value", "disk", "death", "memory"] = setting("none", "what goes wrong in epoch 2")
    epochs: int = setting(9, "full budget", low=1, high=1000, unit="epochs")


@dataclass(frozen=True)
class ToyData:
    rows: np.ndarray
    targets: np.ndarray
    num_folds: int = 2
    fingerprint: str = "toy-1"


def toy_data(seed: int = 0) -> ToyData:
    random = stream(seed, "toy data")
    rows = random.normal(size=(64, 8))
    return ToyData(rows, rows @ np.arange(8.0) / 8 + 0.1 * random.normal(size=64))


class ToyTraining:
    def __init__(self, spec: ToySpec, data: ToyData, seed: int, trial: int, folds: range | None = None) -> None:
        self._spec, self._data, self._folds = spec, data, folds or range(data.num_folds)
        weights = stream(seed, "initial weights", trial=trial).normal(size=(data.num_folds, spec.columns)) * 0.1
        self._weights = weights[self._folds.start : self._folds.stop]
        self._step = np.zeros_like(self._weights)
        self._epoch = 0

    @property
    def num_parameters(self) -> int:
        return self._spec.columns

    def epochs(self) -> Iterator[EpochReport]:
        while self._epoch < self._spec.epochs:
            began = time.perf_counter()
            self._epoch += 1
            time.sleep(self._spec.pause)
            if self._epoch == 2:
                self._have_trouble()
            losses = tuple(self._train(place, fold) for place, fold in enumerate(self._folds))
            yield EpochReport(self._epoch, {"loss": FoldValues(losses)}, time.perf_counter() - began)

    def _train(self, place: int, fold: int) -> float:
        held_out = np.arange(len(self._data.targets)) % self._data.num_folds == fold
        rows = self._data.rows[:, : self._spec.columns]
        for _ in range(5):
            errors = rows[~held_out] @ self._weights[place] - self._data.targets[~held_out]
            gradient = rows[~held_out].T @ errors / len(errors)
            kept = self._spec.momentum if self._spec.solver == "momentum" else 0.0
            self._step[place] = kept * self._step[place] - self._spec.lr * gradient
            self._weights[place] += self._step[place]
        with np.errstate(over="ignore", invalid="ignore"):
            errors = rows[held_out] @ self._weights[place] - self._data.targets[held_out]
            return float(errors @ errors / len(errors))

    def _have_trouble(self) -> None:
        match self._spec.trouble:
            case "value":
                raise ValueError("this setting cannot work")
            case "disk":
                raise OSError(28, "No space left on device", "checkpoints")
            case "death":
                os._exit(1)
            case "memory":
                import torch

                torch.empty(1 << 50)
            case "none":
                pass

    def state(self) -> dict[str, Any]:
        import torch

        return {"weights": torch.tensor(self._weights), "step": torch.tensor(self._step), "epoch": self._epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        self._weights, self._step = state["weights"].numpy().copy(), state["step"].numpy().copy()
        self._epoch = state["epoch"]

    def weights(self) -> Mapping[str, Any]:
        return {"weights": self.state()["weights"]}

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        return {"columns": self._spec.columns}


@dataclass(frozen=True)
class ToyFamily:
    name: str = "toy"
    summary: str = "least squares"
    spec_type: type[ToySpec] = ToySpec
    data_kind: str = "toy"
    folder: Path | None = None
    not_for: str = "Anything but tests."
    metrics: Sequence[Metric] = (LOSS,)
    columns: Sequence[Metric] = (LOSS,)
    log: Path | None = None
    broken: str = ""

    @property
    def presets(self) -> Mapping[str, Preset]:
        return {}

    def remarks(self, tried: Mapping[str, Container[object]], data: ToyData) -> Sequence[str]:
        return ()

    def start(self, spec: ToySpec, data: ToyData, *, seed: int, trial: int, device: str) -> ToyTraining:
        self._log_start(trial)
        return ToyTraining(spec, data, seed, trial)

    def start_folds(
        self, spec: ToySpec, data: ToyData, *, seed: int, trial: int, device: str, first: int, until: int
    ) -> Training:
        from models.training.joining import JoiningTraining

        self._log_start(trial)
        return JoiningTraining(
            lambda folds: ToyTraining(spec, data, seed, trial, folds),
            num_folds=data.num_folds,
            first=first,
            until=until,
        )

    def _log_start(self, trial: int) -> None:
        if self.log is not None:
            with self.log.open("a") as log:
                log.write(f"{trial} {os.getpid()} {os.getppid()}\n")
        if self.broken:
            raise ValueError(self.broken)

    def serving(self) -> Serving:
        raise NotImplementedError("toys are not served")

    def pictures(self, trained: Path, data: ToyData) -> Iterable[tuple[str, Figure]]:
        from models.training import checkpoint

        figure = Figure()
        figure.subplots().imshow(checkpoint.load(trained).training["weights"])  # pyright: ignore[reportUnknownMemberType]
        return [("weights", figure)]

    def score(self, trained: Path, data: ToyData, learnt: ToyData | None) -> Scored:
        from models.training import checkpoint

        del learnt
        weights = checkpoint.load(trained).training["weights"].numpy().mean(axis=0)
        return Scored(np.square(data.rows[:, : len(weights)] @ weights - data.targets))

    def baselines(self, data: ToyData, progress: Progress | None = None) -> Sequence[Baseline]:
        return ()


TOY_SEARCH = """
name = "toys"
[budget]
trials = 12
epochs = 9
time = "none"
[scheduler]
first_rung = 1
reduction = 3
[space]
solver = ["gradient", "momentum"]
momentum = { low = 0.1, high = 0.9 }
lr = { low = 1e-3, high = 0.5, log = true }
columns = { low = 1, high = 8 }
[sampler]
startup = 4
[confirmation]
best = 0
[[prior]]
solver = "gradient"
lr = 0.1
"""
