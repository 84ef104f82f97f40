"""The code of a Ray worker: one trial, its reports and its failures. Imports are few, because workers wait for them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ray import tune

from data_prep.storage.object_store import DISK_FULL, UnusableStoreError
from models.family import EpochReport, Family
from models.folded.request import BackendName, use
from models.training.device import limit_memory
from models.training.out_of_memory import is_out_of_memory
from search.trials.files import TrialFiles
from search.trials.training import TrialDivergedError, train_trial

_tune: Any = tune  # partly untyped

FAILURE: Final = "failure"
"""Report key: why the trial failed permanently."""

FULL_DISK: Final = "full_disk"
"""Report key: the place where the trial could not save because the disk is full."""

UNUSABLE: Final = "unusable"
"""Report key: why the trial could not save or resume, for the user."""

LAST: Final = frozenset({FAILURE, FULL_DISK, UNUSABLE})
"""Report keys after which a trial does not continue."""

REPORT: Final = "report"
"""Report key: an epoch's metrics on the folds."""

NOTES: Final = "notes"
"""Report key: the trial's messages for the user."""

_RECURRING = (ArithmeticError, AssertionError, AttributeError, LookupError, NotImplementedError, TypeError, ValueError)
"""Errors that the same hyperparameters would raise again; others (such as GPU errors) are retried."""

_DEVICES = {"cpu": "machine", "cuda": "share of a GPU"}


@dataclass(frozen=True)
class TrialSetup:
    """The inputs that all trials of a search share, except the data.

    Attributes:
        family: The family.
        seed: The search's seed.
        save_after: The epochs after which trials save.
        snapshots: The epochs after which their models are kept.
        first_folds: Number of folds that are trained first, and the epoch after which the others join; None for all.
        files: The files that they save to.
        device: "cpu" or "cuda".
        gpus: GPUs per trial; a fraction of a GPU also limits the memory to that fraction.
        backend: The requested backend.
    """

    family: Family[Any, Any]
    seed: int
    save_after: tuple[int, ...]
    snapshots: tuple[int, ...]
    first_folds: tuple[int, int] | None
    files: TrialFiles
    device: str
    gpus: float = 0.0
    backend: BackendName = "auto"


def train(config: dict[str, Any], setup: TrialSetup, data: Any) -> None:
    """Train one trial in a Ray worker; report errors that would recur, raise those to be retried."""
    last = 0
    notes: list[str] = []

    def fail(key: str, reason: str) -> None:
        _tune.report({setup.family.metrics[0].name: float("nan"), "epoch": last, key: reason.splitlines()[0]})

    def report(epoch: EpochReport) -> None:
        nonlocal last
        last = epoch.epoch
        _tune.report({**write_report(epoch), NOTES: list(notes)})
        notes.clear()

    try:
        limit_memory(setup.gpus)
        use(setup.backend)
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
            snapshots=setup.snapshots,
            first_folds=setup.first_folds,
            say=notes.append,
        )
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        fail(FULL_DISK, str(error.filename or setup.files.place.label))
    except UnusableStoreError as error:
        fail(UNUSABLE, str(error))
    except TrialDivergedError as error:
        fail(FAILURE, str(error))
    except _RECURRING as error:
        fail(FAILURE, f"{type(error).__name__}: {error}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        fail(FAILURE, f"too large for the memory of its {_DEVICES[setup.device]}: {error}")


def write_report(report: EpochReport) -> dict[str, Any]:
    """Convert an epoch's report to a result of Ray Tune."""
    means = {name: values.mean for name, values in report.metrics.items()}
    return {**means, "epoch": report.epoch, REPORT: [report.to_plain()]}  # a list is not flattened


def read_report(result: Mapping[str, Any]) -> EpochReport:
    """Convert a result of Ray Tune to an epoch's report."""
    return EpochReport.from_plain(result[REPORT][0])
