"""Small StyleNets: tasks, and files of models that were trained for one epoch."""

from pathlib import Path
from typing import Any

from data_prep.performances.arrays import Performances
from models.stylenet.family import StyleNet
from models.stylenet.spec import StyleNetSpec
from models.stylenet.task import StyleNetTask
from models.training import checkpoint
from tests.models.toy_performances import random_performances

DATA = random_performances()


def task(data: Performances = DATA, **settings: Any) -> StyleNetTask:
    """Return the task of a small StyleNet without dropout and shrinkage."""
    plain = {"size": 4, "batch_size": 3, "length": 10, "dropout": 0.0, "input_dropout": 0.0, "level_shrink": 0.0}
    spec = StyleNetSpec.model_validate({**plain, **settings})
    return StyleNetTask(spec, data, seed=3, trial=1, device="cpu")


def trained(path: Path, **settings: Any) -> Path:
    """Train a small StyleNet and write its file."""
    family = StyleNet()
    spec = StyleNetSpec.from_values({"epochs": 1, "size": 4, "level_shrink": 0.3, **settings})
    training = family.start(spec, DATA, seed=0, trial=0, device="cpu")
    for _ in training.epochs():
        pass
    extra = {"family": "stylenet", "seed": 0, "trial": 0, "vocabulary": training.vocabulary}
    checkpoint.save(path, training.weights(), spec, extra)
    return path
