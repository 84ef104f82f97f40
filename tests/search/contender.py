"""A search of one trial on real tunes: ``python contender.py PLACE NAME LR`` promotes it.

The process prints "ready" when its refit is about to begin, and continues when PLACE/NAME.go exists.
"""

import sys
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from data_prep.prepared.corpus import prepare
from data_prep.progress import Progress, Silent
from models.families import FAMILIES
from models.family import EpochReport
from models.metrics import FoldValues
from search.promotion.promote import Promotion, PromotionResult, plan_promotion
from search.promotion.registry import Registry
from search.spec.file import load
from search.study.records import EpochRecord, SearchRecord, TrialRecord
from search.tracking.client import default_uri

COMPOSER = FAMILIES["composer"]
EPOCHS = 4
STARTED = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  (Optuna's are naive)


@dataclass(frozen=True)
class Contender:
    """A search of one trial.

    Attributes:
        place: A folder that contains ``tunes``, the home folder ``runs`` and the cache ``cache``.
        name: The search's name.
        lr: The learning rate of the trial: the greater, the better the model.
    """

    place: Path
    name: str
    lr: float

    @property
    def registry(self) -> Registry:
        home = self.place / "runs"
        return Registry(default_uri(home), home)

    def promote(self, progress: Progress | None = None, registry: Registry | None = None) -> PromotionResult:
        """Promote the trial."""
        prepared = prepare(str(self.place / "tunes"), cache=self.place / "cache", processes=1)
        record = self._record(prepared.fingerprint)
        folder = self.place / "runs" / "searches" / self.name
        folder.mkdir(parents=True, exist_ok=True)
        promotion = Promotion(record, COMPOSER, prepared, folder, registry or self.registry)
        plan = plan_promotion(record, COMPOSER, prepared.data, folder, None, networks=1)
        return promotion.run(plan, force=False, reason="", device="cpu", progress=progress or Silent())

    def _record(self, fingerprint: str) -> SearchRecord:
        changes = {"name": self.name, "data.corpus": str(self.place / "tunes"), "budget.epochs": EPOCHS}
        values: dict[str, bool | int | float | str] = {
            "size": 32,
            "embedding": 16,
            "layers": 1,
            "batch_size": 4,
            "lr": self.lr,
        }
        epochs = tuple(
            EpochRecord(EpochReport(epoch, {"nats_per_note": FoldValues((4.0 - epoch / 9,) * 4)}, 0.5), epoch)
            for epoch in range(1, EPOCHS + 1)
        )
        trial = TrialRecord(0, "COMPLETE", {**values, "epochs": EPOCHS}, epochs, STARTED, STARTED, "")
        return SearchRecord(load("composer", overrides=changes), (trial,), fingerprint, 1.0, f"id-{self.name}")


class Gate(Silent):
    """Holds a promotion where its refit begins."""

    def __init__(self, opened: Path) -> None:
        self._opened = opened

    def start(self, total: int, what: str) -> None:
        del total, what
        print("ready", flush=True)  # noqa: T201  (the test reads it)
        while not self._opened.exists():
            time.sleep(0.02)


def main() -> None:
    place, name, lr = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    outcome = Contender(place, name, lr).promote(Gate(place / f"{name}.go"))
    print("champion" if outcome.evidence.decision.moves else "no champion", flush=True)  # noqa: T201  (likewise)


if __name__ == "__main__":
    main()
