"""One trial without a search: its settings and data, and its training on this machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import unknown
from tunesmith.console import warn

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from data_prep.prepared.corpus import Prepared
    from models.family import EpochReport
    from models.spec import Spec, Value
    from search.spec.file import AnyFamily
    from search.spec.sections import Data
    from search.trials.files import TrialFiles


@dataclass(frozen=True)
class SingleTrial:
    """A trial to train.

    Attributes:
        family: Its family.
        spec: Its settings.
        data: Its data.
        number: The number of the trial that it repeats; 0 for a new one.
        like: The name of the trial that it repeats; empty for a new one.
    """

    family: "AnyFamily"
    spec: "Spec"
    data: "Data"
    number: int = 0
    like: str = ""


def new_trial(
    family: "AnyFamily", preset: str | None, settings: Mapping[str, "Value"], where: str, data: Mapping[str, object]
) -> SingleTrial:
    """Return a trial with settings that are given.

    Args:
        family: Its family.
        preset: The name of a published setting; None to start from the defaults.
        settings: Values that differ from it.
        where: The place of these values, for errors.
        data: The corpus, repeats, folds and seed; None is the corpus of the built-in search, and the defaults of
            [data] in a search file.

    Returns:
        The trial.

    Raises:
        BadInputError: If there is no such preset, or a value is not legal.
    """
    from data_prep.readers.scores import reading_of_repeats
    from search.spec.file import default_corpus
    from search.spec.sections import Data

    if preset is not None and preset not in family.presets:
        raise unknown("preset", preset, family.presets, f"of {family.name}")
    base: Mapping[str, Value] = {} if preset is None else family.presets[preset].values
    values = family.spec_type.changed(base, settings)
    spec = family.spec_type.from_values(values, where if settings else f"preset {preset}")
    given: dict[str, Any] = {"corpus": default_corpus(family)}
    given.update((name, value) for name, value in data.items() if value is not None)
    if "repeats" in given:
        given["repeats"] = reading_of_repeats(given["repeats"])
    return SingleTrial(family, spec, Data(**given))


def repeated_trial(home: Path, like: str) -> SingleTrial:
    """Return a trial of a search, to be trained again with its data, seed and settings.

    Args:
        home: The home folder.
        like: SEARCH/NUMBER.

    Returns:
        The trial.

    Raises:
        BadInputError: If there is no such trial.
    """
    from models.families import family as find_family
    from tunesmith.names.trials import recorded_trial

    record, number = recorded_trial(home, like)
    family = find_family(record.spec.family)
    spec = family.spec_type.from_values(record.trial(number).values, like)
    return SingleTrial(family, spec, record.spec.data, number, like)


def trial_data(trial: SingleTrial, threads: int) -> "Prepared":
    """Prepare this process and the data for a trial, and warn of settings that have no effect on the data.

    Args:
        trial: The trial.
        threads: CPU threads.

    Returns:
        The data.

    Raises:
        BadInputError: If it cannot be prepared.
    """
    from models.training.device import use_threads
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.backend import ready_backend
    from tunesmith.searching.data import prepare_data

    use_threads(threads)
    ready_backend("auto")
    with Bar() as bar:
        prepared = prepare_data(trial.data, trial.family.data_kind, bar)
    domains = {name: (value,) for name, value in trial.spec.model_dump().items()}
    for remark in trial.family.remarks(domains, prepared.data):
        warn(remark)
    return prepared


def train(
    trial: SingleTrial,
    prepared: "Prepared",
    report: Callable[["EpochReport"], None],
    keeping: "AbstractContextManager[TrialFiles | None]",
) -> None:
    """Train a trial on the best device.

    Args:
        trial: The trial.
        prepared: Its data.
        report: Called with every epoch.
        keeping: Yields the files that keep its model; None to keep none.
    """
    from models.training.device import best_device
    from search.trials.training import train_trial

    with keeping as files:
        train_trial(
            trial.family,
            trial.spec,
            prepared.data,
            report,
            seed=trial.data.seed,
            number=trial.number,
            files=files,
            device=best_device(),
        )


def as_data(trial: SingleTrial, reports: Sequence["EpochReport"]) -> dict[str, Any]:
    """Return a trial and its epochs as plain values."""
    return {
        "family": trial.family.name,
        "corpus": trial.data.corpus,
        "repeats": trial.data.repeats,
        "seed": trial.data.seed,
        "spec": trial.spec.model_dump(),
        "epochs": [
            {
                "epoch": report.epoch,
                "seconds": report.seconds,
                "metrics": {name: values.summary() for name, values in report.metrics.items()},
            }
            for report in reports
        ],
    }
