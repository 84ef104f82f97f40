"""What runs in a Ray worker: one trial, its reports and its failures. It imports little, since workers wait for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ray import tune

from data_prep.storage.object_store import DISK_FULL, UnusableStoreError
from models.family import EpochReport, Family
from models.training.device import limit_memory
from models.training.out_of_memory import is_out_of_memory
from search.trials.files import TrialFiles
from search.trials.training import TrialDivergedError, train_trial

_tune: Any = tune  # partly untyped

FAILURE: Final = "failure"
"""Key of a report with the reason why its trial failed for good."""

FULL_DISK: Final = "full_disk"
"""Key of a report with the place where a trial could not save."""

UNUSABLE: Final = "unusable"
"""Key of a report with the reason why a trial could not save or resume, for the user."""

LAST: Final = frozenset({FAILURE, FULL_DISK, UNUSABLE})
"""Keys of reports after which a trial does not continue."""

REPORT: Final = "report"
"""Key of an epoch's metrics on the folds."""

NOTES: Final = "notes"
"""Key of a trial's messages for the user, beside an epoch's metrics."""

_RECURRING = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""Errors that the same hyperparameters would raise again; others (a lost worker, a GPU's) are retried."""


_DEVICES = {"cpu": "machine", "cuda": "share of a GPU"}


@dataclass(frozen=True)
class TrialSetup:
    """What every trial of a search shares, beside the data.

    Attributes:
        family: The family.
        seed: The search's seed.
        save_after: The epochs after which trials save.
        files: Where they save.
        device: "cpu" or "cuda".
        gpus: GPUs of each trial; a part of a GPU comes with that part of its memory.
    """

    family: Family[Any, Any]
    seed: int
    save_after: tuple[int, ...]
    files: TrialFiles
    device: str
    gpus: float = 0.0


def train(config: dict[str, Any], setup: TrialSetup, data: Any) -> None:
    """Train one trial in a Ray worker; report what would fail again, raise what might not."""
    last = 0
    notes: list[str] = []

    def report(epoch: EpochReport) -> None:
        nonlocal last
        last = epoch.epoch
        _tune.report({**write_report(epoch), NOTES: list(notes)})
        notes.clear()

    try:
        limit_memory(setup.gpus)
        spec = setup.family.spec_type.from_values(config["values"], f"trial {config['number']}")
        train_trial(
            setup.family,
            spec,
            data,
            report,
            seed=setup.seed,
            number=config["number"],
            files=setup.files,
            device=setup.device,
            save_after=setup.save_after,
            say=notes.append,
        )
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        _tune.report(_failed(setup, last, FULL_DISK, str(error.filename or setup.files.place.label)))
    except UnusableStoreError as error:
        _tune.report(_failed(setup, last, UNUSABLE, str(error)))
    except TrialDivergedError as error:
        _tune.report(_failed(setup, last, FAILURE, str(error)))
    except _RECURRING as error:
        _tune.report(_failed(setup, last, FAILURE, f"{type(error).__name__}: {error}"))
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        _tune.report(
            _failed(setup, last, FAILURE, f"too large for the memory of its {_DEVICES[setup.device]}: {error}")
        )


def _failed(setup: TrialSetup, epoch: int, key: str, reason: str) -> dict[str, Any]:
    return {setup.family.metrics[0].name: float("nan"), "epoch": epoch, key: reason.splitlines()[0]}


def write_report(report: EpochReport) -> dict[str, Any]:
    """Turn an epoch's report into a result of Ray Tune."""
    means = {name: values.mean for name, values in report.metrics.items()}
    return {**means, "epoch": report.epoch, REPORT: [report.to_plain()]}  # a list is not flattened


def read_report(result: Mapping[str, Any]) -> EpochReport:
    """Turn a result of Ray Tune into an epoch's report."""
    return EpochReport.from_plain(result[REPORT][0])
