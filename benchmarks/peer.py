"""Whole searches: ours against the script that a user would write by hand, on the same data, budget and machine.

    python benchmarks/peer.py [--seconds 180] [--output benchmarks/results]

By hand is a Ray Tune function trainable with stock OptunaSearch, ASHA and MLflowLoggerCallback, each epoch training
the folds one after another with nn.Embedding, nn.LSTM and nn.Linear on the same tunes and as many windows, and
scoring every held-out piece in padded batches. Both search the learning rate and dropout of one model, so that no
draw is dearer than another. Each side is a process of its own, and its time counts from its start: what it finishes
within the budget.
"""

# Ray and torch are partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from summary import figure

from data_prep.melodies.arrays import Melodies
from data_prep.prepared.corpus import prepare

if TYPE_CHECKING:
    import torch

TARGET = 2.0
SIZE, BATCH, LENGTH, WINDOWS, EPOCHS, RUNG, REDUCTION, SLOTS = 64, 16, 64, 256, 9, 1, 3, 2

OURS = f"""
name = "peer"
[budget]
trials = 100000
epochs = {EPOCHS}
[scheduler]
first_rung = {RUNG}
reduction = {REDUCTION}
[space]
cell = "lstm"
layers = 1
size = {SIZE}
input = "token"
head = "token"
dropout = {{ low = 0.0, high = 0.5 }}
beat = "off"
transpose = false
augment = 0
optimiser = "adam"
lr = {{ low = 1e-3, high = 1e-2, log = true }}
schedule = "constant"
batch_size = {BATCH}
length = {LENGTH}
windows_per_epoch = {WINDOWS}
"""


def run_ours(seconds: float, home: Path) -> dict[str, float]:
    """Search with this project."""
    from cluster.session import connect  # noqa: PLC0415  (each side imports its own)
    from models.families import family  # noqa: PLC0415
    from search.spec.file import parse  # noqa: PLC0415
    from search.study.observer import SilentObserver  # noqa: PLC0415

    data = prepare("oneills").data
    spent = time.time() - started()
    search = parse(OURS, "peer", overrides={"budget.time": f"{seconds - spent:.3f}s"})
    with connect(num_cpus=SLOTS) as session:
        from search.driver.search_run import SearchTask, Workers, run  # noqa: PLC0415

        late = time.time() - started() - spent
        search = search.model_copy(update={"budget": search.budget.model_copy(update={"time": seconds - spent - late})})
        task = SearchTask(search, family("composer"), data, data.fingerprint, home)
        outcome = run(task, SilentObserver(), Workers(SLOTS))
    del session
    finished = [trial for trial in outcome.trials if trial.state in ("COMPLETE", "PRUNED")]
    return {"trials": len(finished), "epochs": sum(len(trial.epochs) for trial in outcome.trials)}


def tokens_of(data: Melodies) -> tuple[list[np.ndarray[Any, np.dtype[np.int64]]], int]:
    """Number the (pitch, duration) pairs of each piece from 1; 0 begins a piece."""
    pairs = data.pitch.astype(np.int64) * 1000 + data.duration
    known, numbers = np.unique(pairs, return_inverse=True)
    return np.split(numbers + 1, data.start[1:-1].tolist()), len(known) + 1


def parts(tensors: "list[torch.Tensor]", chosen: "np.ndarray[Any, Any]") -> "list[list[torch.Tensor]]":
    """Take the chosen pieces, sorted by length, in batches of 64."""
    pieces = sorted((tensors[index] for index in np.flatnonzero(chosen)), key=len)
    return [pieces[at : at + 64] for at in range(0, len(pieces), 64)]


def train_by_hand(config: dict[str, Any], data: Melodies) -> None:
    """Train one trial the way one would write it down: fold after fold, epoch after epoch."""
    import torch  # noqa: PLC0415
    from ray import tune  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
    from torch import nn  # noqa: PLC0415

    class Model(nn.Module):
        def __init__(self, num_tokens: int) -> None:
            super().__init__()
            self.embedding = nn.Embedding(num_tokens, SIZE)
            self.lstm = nn.LSTM(SIZE, SIZE, batch_first=True)
            self.dropout = nn.Dropout(config["dropout"])
            self.linear = nn.Linear(SIZE, num_tokens)

        def forward(self, tokens: "torch.Tensor") -> "torch.Tensor":
            hidden, _ = self.lstm(self.embedding(tokens))
            return self.linear(self.dropout(hidden))

    def score(model: nn.Module, batch: "torch.Tensor") -> "torch.Tensor":
        """Give the mean cross-entropy of each piece of a padded batch."""
        targets = batch[:, 1:]
        logits = model(batch[:, :-1].clamp(min=0)).transpose(1, 2)
        each = nn.functional.cross_entropy(logits, targets, ignore_index=-1, reduction="none")
        return each.sum(1) / (targets >= 0).sum(1)

    pieces, num_tokens = tokens_of(data)
    tensors = [torch.from_numpy(np.concatenate([[0], piece])) for piece in pieces]
    held_out = [
        [
            nn.utils.rnn.pad_sequence(part, batch_first=True, padding_value=-1)
            for part in parts(tensors, data.fold == fold)
        ]
        for fold in range(data.num_folds)
    ]
    random = np.random.default_rng(0)
    models = [Model(num_tokens) for _ in range(data.num_folds)]
    optimisers = [torch.optim.Adam(model.parameters(), lr=config["lr"]) for model in models]
    for epoch in range(1, EPOCHS + 1):
        losses: list[float] = []
        for fold in range(data.num_folds):
            model, optimiser = models[fold], optimisers[fold]
            training = [tensors[index] for index in np.flatnonzero(data.fold != fold) if len(tensors[index]) > LENGTH]
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
            model.eval()
            with torch.no_grad():
                scores = [score(model, batch) for batch in held_out[fold]]
            losses.append(float(torch.cat(scores).mean()))
        by_fold = {f"cv_loss_fold{fold}": loss for fold, loss in enumerate(losses)}
        tune.report({"cv_loss": float(np.mean(losses)), "epoch": epoch, **by_fold})


def run_by_hand(seconds: float, home: Path) -> dict[str, float]:
    """Search with the script."""
    import ray  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
    from ray import tune  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
    from ray.air.integrations.mlflow import MLflowLoggerCallback  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
    from ray.tune.schedulers import ASHAScheduler  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]
    from ray.tune.search.optuna import OptunaSearch  # noqa: PLC0415  # pyright: ignore[reportMissingTypeStubs]

    data = prepare("oneills").data
    ray.init(address="local", num_cpus=SLOTS, include_dashboard=False, log_to_driver=False, logging_level=40)
    tuner: Any = tune.Tuner(
        tune.with_resources(tune.with_parameters(train_by_hand, data=data), {"cpu": 1}),
        param_space={"lr": tune.loguniform(1e-3, 1e-2), "dropout": tune.uniform(0.0, 0.5)},
        tune_config=tune.TuneConfig(
            metric="cv_loss",
            mode="min",
            search_alg=OptunaSearch(),
            scheduler=ASHAScheduler(max_t=EPOCHS, grace_period=RUNG, reduction_factor=REDUCTION),
            num_samples=-1,
            time_budget_s=seconds - (time.time() - started()),
            max_concurrent_trials=SLOTS,
        ),
        run_config=tune.RunConfig(
            storage_path=str(home / "ray"),
            callbacks=[
                MLflowLoggerCallback(
                    tracking_uri=f"sqlite:///{home / 'mlflow.db'}", experiment_name="peer", save_artifact=False
                )
            ],
            verbose=0,
        ),
    )
    results: Any = tuner.fit()
    epochs = [int(result.metrics.get("training_iteration", 0)) for result in results]
    cut = sum(1 for result in results if not stopped_at_a_rung(result.metrics))
    return {"trials": len(epochs) - cut, "epochs": sum(epochs)}


def stopped_at_a_rung(metrics: dict[str, Any]) -> bool:
    """Tell a trial that ended by the scheduler from one that the end of the time cut off."""
    return bool(metrics.get("done")) and metrics.get("training_iteration", 0) in (1, 3, EPOCHS)


def started() -> float:
    """Give the time at which this process was started, as its parent wrote it."""
    return float(os.environ["PEER_STARTED"])


def measure(side: str, seconds: float) -> dict[str, float]:
    """Run one side in a process of its own."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, __file__, "--side", side, "--seconds", str(seconds), "--home", home]
        environment = {**os.environ, "PEER_STARTED": str(time.time()), "MLFLOW_DISABLE_TELEMETRY": "true"}
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, **{f"{what}_an_hour": round(found[what] * 3600 / seconds, 1) for what in ("trials", "epochs")}}


def main() -> None:
    """Measure both sides, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=180.0)
    parser.add_argument("--output", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--side", choices=["ours", "by_hand"])
    parser.add_argument("--home", type=Path)
    options = parser.parse_args()
    if options.side is not None:
        print(json.dumps({"ours": run_ours, "by_hand": run_by_hand}[options.side](options.seconds, options.home)))
        return
    prepare("oneills")  # neither side pays for reading
    sides = {side: measure(side, options.seconds) for side in ("by_hand", "ours")}
    ratio = sides["ours"]["trials_an_hour"] / max(sides["by_hand"]["trials_an_hour"], 1e-9)
    result = {
        "seconds": options.seconds,
        **sides,
        "ratio_of_epochs": round(sides["ours"]["epochs"] / max(sides["by_hand"]["epochs"], 1e-9), 2),
        "figures": [figure("trials an hour over a script by hand", ratio, at_least=TARGET)],
        "machine": f"{platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, {SLOTS} trials at once",
    }
    print(json.dumps(result, indent=2))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "peer.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
