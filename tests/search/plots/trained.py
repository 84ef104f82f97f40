"""Records of the composer's built-in search with many trials, made without training."""

from datetime import datetime, timedelta

import optuna

from data_prep.randomness import stream
from models.family import EpochReport
from models.metrics import FoldValues
from search.spec.file import load
from search.study.records import EpochRecord, SearchRecord, TrialRecord

_BEGAN = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  (Optuna's are naive)


def search_record(num_trials: int, *, complete: bool = True) -> SearchRecord:
    """Return a search with two slots; a fifth of its trials has the full budget if ``complete``."""
    spec = load("composer")
    random = stream(0, "test: trained")
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(0))
    free = [0.0, 0.0]
    trials: list[TrialRecord] = []
    for number in range(num_trials):
        values = spec.space(study.ask())
        size, lr = values["size"], values["lr"]
        assert isinstance(size, int)
        assert isinstance(lr, float)
        full = complete and number % 5 == 0
        slot = min(range(2), key=lambda index: free[index])
        epochs: list[EpochRecord] = []
        for epoch in range(1, 9 if full else 2):
            seconds = float(random.uniform(1.0, 2.0))
            free[slot] += seconds
            folds = FoldValues(tuple(2.0 - size / 500 + 1 / epoch + random.normal(scale=0.05, size=4)))
            metrics = {"nats_per_note": folds, "cv_loss": folds, "train_loss": folds}
            at = int((_BEGAN + timedelta(seconds=free[slot])).timestamp() * 1000)
            epochs.append(EpochRecord(EpochReport(epoch, metrics, seconds), at))
        state = "COMPLETE" if full else "PRUNED"
        trials.append(TrialRecord(number, state, values, tuple(epochs), _BEGAN, _BEGAN, ""))
    return SearchRecord(spec, tuple(trials), "none", 60.0, "id-1")
