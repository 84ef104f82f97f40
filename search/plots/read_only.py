"""The study of a search as a copy that can only be read, for Optuna's visualizations and its dashboard."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar, cast

import optuna
from optuna.storages import BaseStorage, InMemoryStorage

from data_prep.errors import BadInputError
from search.spec.file import AnyFamily
from search.study.database import opened_to_read

_Method = TypeVar("_Method", bound=Callable[..., Any])


def read_only_study(home: Path, name: str, family: AnyFamily | None = None) -> "ReadOnlyStudy":
    """Copy a search's study into memory; it may be running.

    Args:
        home: The home folder.
        name: The search's name.
        family: Its family, if it is not registered.

    Returns:
        The trials as they are now.

    Raises:
        BadInputError: If there is no such search, or its study is damaged or cannot be reached.
    """
    storage = ReadOnlyStorage()
    with opened_to_read(home, name, family) as (_, original, study):
        optuna.copy_study(
            from_study_name=study.study_name, from_storage=original, to_storage=storage, to_study_name=name
        )
    storage.is_complete = True
    return ReadOnlyStudy(name, storage)


def _refuse() -> NoReturn:
    raise BadInputError(
        "the study of a search is a copy that can only be read",
        remedy="change the search itself, or add the trials to a study of your own",
    )


def _writes(method: _Method) -> _Method:
    """Return a method that writes until the storage is complete, and then raises BadInputError."""

    @wraps(method)
    def write(self: "ReadOnlyStorage", *arguments: Any, **options: Any) -> Any:
        if self.is_complete:
            _refuse()
        return method(self, *arguments, **options)

    return cast("_Method", write)


class ReadOnlyStorage(InMemoryStorage):
    """A storage in memory that can only be read once it is complete.

    Attributes:
        is_complete: Whether it is.
    """

    def __init__(self) -> None:
        """Create an empty storage."""
        super().__init__()
        self.is_complete = False

    create_new_study = _writes(InMemoryStorage.create_new_study)
    delete_study = _writes(InMemoryStorage.delete_study)
    set_study_user_attr = _writes(InMemoryStorage.set_study_user_attr)
    set_study_system_attr = _writes(InMemoryStorage.set_study_system_attr)
    create_new_trial = _writes(InMemoryStorage.create_new_trial)
    set_trial_param = _writes(InMemoryStorage.set_trial_param)
    set_trial_state_values = _writes(InMemoryStorage.set_trial_state_values)
    set_trial_intermediate_value = _writes(InMemoryStorage.set_trial_intermediate_value)
    set_trial_user_attr = _writes(InMemoryStorage.set_trial_user_attr)
    set_trial_system_attr = _writes(InMemoryStorage.set_trial_system_attr)


class ReadOnlyStudy(optuna.Study):
    """A study that can only be read.

    Attributes:
        storage: Its storage, for programs that take one, such as ``optuna_dashboard.run_server``.
    """

    storage: Final[BaseStorage]

    def __init__(self, study_name: str, storage: ReadOnlyStorage) -> None:
        """Load the study from a storage."""
        super().__init__(study_name, storage)
        self.storage = storage

    def tell(self, *_: Any, **__: Any) -> NoReturn:
        """Raise BadInputError; the storage raises it for all other changes."""
        _refuse()
