"""A search with Ray Tune, Optuna and MLflow, as a user would write it by hand; ``benchmarks/peer.py`` runs it.

    python benchmarks/programs/by_hand.py SECONDS HOME

A function trainable trains the folds one after another with nn.Embedding, nn.LSTM and nn.Linear, and scores every
held-out piece in padded batches. The search is a Tuner with stock OptunaSearch, ASHAScheduler and MLflowLoggerCallback.
"""

# Ray and torch are partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import ray
import torch
from peer_sizes import BATCH, EPOCHS, LENGTH, REDUCTION, RUNG, SIZE, SLOTS, WINDOWS
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch
from torch import Tensor, nn

from data_prep.melodies.arrays import Melodies
from data_prep.prepared.corpus import prepare

PADDING = -1


class Model(nn.Module):
    """An embedding, an LSTM and a linear layer."""

    def __init__(self, num_tokens: int, dropout: float) -> None:
        """Build the layers."""
        super().__init__()
        self.embedding = nn.Embedding(num_tokens, SIZE)
        self.lstm = nn.LSTM(SIZE, SIZE, batch_first=True)
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(SIZE, num_tokens)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the next tokens."""
        hidden, _ = self.lstm(self.embedding(tokens))
        return self.linear(self.dropout(hidden))


def tokens_of(data: Melodies) -> tuple[list[np.ndarray[Any, np.dtype[np.int64]]], int]:
    """Return the tokens of each piece, and their number: (pitch, duration) pairs from 1; 0 starts a piece."""
    pairs = data.pitch.astype(np.int64) * 1000 + data.duration
    known, numbers = np.unique(pairs, return_inverse=True)
    return np.split(numbers + 1, data.start[1:-1].tolist()), len(known) + 1


def batches(tensors: list[Tensor], chosen: "np.ndarray[Any, Any]") -> list[Tensor]:
    """Return the selected pieces, sorted by length, in padded batches of 64."""
    pieces = sorted((tensors[index] for index in np.flatnonzero(chosen)), key=len)
    parts = [pieces[at : at + 64] for at in range(0, len(pieces), 64)]
    return [nn.utils.rnn.pad_sequence(part, batch_first=True, padding_value=PADDING) for part in parts]


def train_epoch(
    model: nn.Module, optimiser: torch.optim.Optimizer, training: list[Tensor], random: np.random.Generator
) -> None:
    """Train a model for one epoch on random windows of the training pieces."""
    model.train()
    for _ in range(WINDOWS // BATCH):
        rows = [training[index] for index in random.integers(len(training), size=BATCH)]
        begins = [int(random.integers(len(row) - LENGTH)) for row in rows]
        batch = torch.stack([row[at : at + LENGTH + 1] for row, at in zip(rows, begins, strict=True)])
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(model(batch[:, :-1]).flatten(0, 1), batch[:, 1:].flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()


@torch.no_grad()
def validate(model: nn.Module, held_out: list[Tensor]) -> float:
    """Return the mean cross-entropy of each held-out piece, averaged over pieces."""
    model.eval()
    scores: list[Tensor] = []
    for batch in held_out:
        targets = batch[:, 1:]
        logits = model(batch[:, :-1].clamp(min=0)).transpose(1, 2)
        losses = nn.functional.cross_entropy(logits, targets, ignore_index=PADDING, reduction="none")
        scores.append(losses.sum(1) / (targets != PADDING).sum(1))
    return float(torch.cat(scores).mean())


def train(config: dict[str, Any], data: Melodies) -> None:
    """Train one trial: in each epoch, one fold after another."""
    pieces, num_tokens = tokens_of(data)
    tensors = [torch.from_numpy(np.concatenate([[0], piece])) for piece in pieces]
    folds = range(data.num_folds)
    held_out = [batches(tensors, data.fold == fold) for fold in folds]
    training = [
        [tensors[index] for index in np.flatnonzero(data.fold != fold) if len(tensors[index]) > LENGTH]
        for fold in folds
    ]
    random = np.random.default_rng(0)
    models = [Model(num_tokens, config["dropout"]) for _ in folds]
    optimisers = [torch.optim.Adam(model.parameters(), lr=config["lr"]) for model in models]
    for epoch in range(1, EPOCHS + 1):
        losses: list[float] = []
        for fold in folds:
            train_epoch(models[fold], optimisers[fold], training[fold], random)
            losses.append(validate(models[fold], held_out[fold]))
        by_fold = {f"cv_loss_fold{fold}": loss for fold, loss in enumerate(losses)}
        tune.report({"cv_loss": float(np.mean(losses)), "epoch": epoch, **by_fold})


def search(seconds: float, home: Path) -> dict[str, int]:
    """Search until some seconds after this process was started; return the numbers of finished trials and epochs."""
    data = prepare("oneills").data
    ray.init(address="local", num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, logging_level=40)
    mlflow = MLflowLoggerCallback(
        tracking_uri=f"sqlite:///{home / 'mlflow.db'}", experiment_name="peer", save_artifact=False
    )
    tuner: Any = tune.Tuner(
        tune.with_resources(tune.with_parameters(train, data=data), {"cpu": 1}),
        param_space={"lr": tune.loguniform(1e-3, 1e-2), "dropout": tune.uniform(0.0, 0.5)},
        tune_config=tune.TuneConfig(
            metric="cv_loss",
            mode="min",
            search_alg=OptunaSearch(),
            scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=RUNG, reduction_factor=REDUCTION),
            num_samples=-1,
            time_budget_s=seconds - (time.time() - float(os.environ["PEER_STARTED"])),
            max_concurrent_trials=SLOTS,
        ),
        run_config=tune.RunConfig(storage_path=str(home / "ray"), callbacks=[mlflow], verbose=0),
    )
    metrics: list[dict[str, Any]] = [result.metrics for result in tuner.fit()]
    return {
        "trials": sum(was_scheduled_to_end(last) for last in metrics),
        "epochs": sum(int(last.get("training_iteration", 0)) for last in metrics),
    }


def was_scheduled_to_end(metrics: dict[str, Any]) -> bool:
    """Return whether a trial was ended by the scheduler and not by the time limit."""
    return bool(metrics.get("done")) and metrics.get("training_iteration", 0) in (1, 3, EPOCHS)


if __name__ == "__main__":
    print(json.dumps(search(float(sys.argv[1]), Path(sys.argv[2]))))
