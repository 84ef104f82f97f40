"""StyleNets trained for an epoch on toy performances, in files."""

from pathlib import Path
from typing import Any

from models.stylenet.family import StyleNet
from models.stylenet.spec import StyleNetSpec
from models.training import checkpoint
from tests.models.toy_performances import random_performances


def trained(path: Path, **settings: Any) -> Path:
    """Train a small StyleNet and write its file."""
    family = StyleNet()
    spec = StyleNetSpec.from_values({"epochs": 1, "size": 4, "level_shrink": 0.3, **settings})
    training = family.start(spec, random_performances(), seed=0, trial=0, device="cpu")
    for _ in training.epochs():
        pass
    extra = {"family": "stylenet", "seed": 0, "trial": 0, "vocabulary": training.vocabulary}
    checkpoint.save(path, training.weights(), spec, extra)
    return path
