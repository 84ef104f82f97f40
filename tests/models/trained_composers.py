"""Files of small composers, trained for one epoch."""

import json
from pathlib import Path
from typing import Any

import torch

from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.training import checkpoint
from tests.hand_melodies import Tune, melodies, random_tunes


def trained(path: Path, tunes: list[Tune] | None = None, num_folds: int = 2, **settings: Any) -> Path:
    """Train a small composer and write its file."""
    family = Composer()
    small = {"epochs": 1, "size": 8, "embedding": 6, "batch_size": 4, "length": 16}
    spec = ComposerSpec.from_values({**small, **settings}, "a test")
    data = melodies(tunes or random_tunes(16, num_folds), num_folds=num_folds)
    training = family.start(spec, data, seed=0, trial=0, device="cpu")
    for _ in training.epochs():
        pass
    extra = {"family": "composer", "seed": 0, "trial": 0, "vocabulary": dict(training.vocabulary)}
    checkpoint.save(path, training.weights(), spec, extra)
    return path


def as_before_copying(path: Path) -> Path:
    """Rewrite the file of a composer, or of its training state, in the format of versions before copying."""
    content = torch.load(path, weights_only=True)
    spec, extra = json.loads(content["spec"]), json.loads(content["extra"])
    for name in ("copying", "copying_own_loss", "copying_units", "initial"):
        del spec[name]
    for name in ("looks_back", "fifths", "floor") if "vocabulary" in extra else ():
        del extra["vocabulary"][name]
    torch.save({**content, "spec": json.dumps(spec), "extra": json.dumps(extra)}, path)
    return path
