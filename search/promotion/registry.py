"""The model registry in MLflow: versions and their evidence, the champion, rollback, and the models' files."""

import json
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from sqlalchemy.exc import SQLAlchemyError

from data_prep.errors import Action, BadInputError, one_line
from search.passwords import first_line, without_password
from search.promotion.registration import EVIDENCE, Registration, register
from search.promotion.versions import CHAMPION, Reference, Version, listed, no_such_version, registered_name
from search.study.folder_lock import exclusive
from search.tracking.client import check_tracking, connect, find_experiment, quieten, read_artifact
from search.tracking.store_file import missing_file, sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

_HISTORY = "champions"
"""The registered model's tag with all versions that were champion, in order, the current one last."""

_MAX_HISTORY = 100
_MAX_TAG = 5000
_PATIENCE_S = 120.0
_MODEL = "artifacts/model.pt"
_REMEDY = "use another version, or promote its trial again"


class Registry:
    """The registered models of one store. Every method raises BadInputError if the store cannot be used."""

    def __init__(self, uri: str, home: Path) -> None:
        """Initialize without opening the store.

        Args:
            uri: The store's URI, as ``search.tracking.client.tracking_uri`` returns it.
            home: The home folder.
        """
        quieten()
        self._uri, self._home = uri, home

    def register(self, registration: Registration) -> Version:
        """Register a model without changing the champion, and return its version."""
        family = registration.family
        with self._open() as client:
            number = register(client, find_experiment(client, family, self._home, self._uri), registration)
        return self.version(Reference(family, number))

    def versions(self, family: str | None = None) -> list[Version]:
        """Return the versions of a family, or of all families: by family, newest first."""
        if missing_file(self._uri) is not None:  # listing models does not create the store
            return []
        with self._open() as client:
            return sorted(listed(client, family), key=lambda version: (version.family, -version.version))

    def version(self, reference: Reference) -> Version:
        """Return the version that a reference names; raise BadInputError if it does not exist."""
        known = self.versions(reference.family)
        for version in known:
            if version.version == reference.version or (reference.version is None and version.is_champion):
                return version
        raise no_such_version(reference, known)

    def champion(self, family: str) -> Version | None:
        """Return the version in use; None if there is none yet."""
        return next((version for version in self.versions(family) if version.is_champion), None)

    def of_trial(self, family: str, study: str, number: int) -> Version | None:
        """Return the newest version that was made from a trial of the study with this id; None if there is none."""
        source = {"study": study, "trial": str(number)}
        return next((version for version in self.versions(family) if source.items() <= version.tags.items()), None)

    @contextmanager
    def deciding(self) -> Generator[None]:
        """Hold the lock on choosing the champion, against all processes that use this home folder or store file.

        Yields:
            Nothing.

        Raises:
            BadInputError: If another process holds the lock for too long.
        """
        file = sqlite_file(self._uri)
        folder = self._home if file is None else file.parent
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / "champion.lock", _PATIENCE_S, _busy):
            yield

    def set_champion(self, family: str, version: int, why: str) -> Version:
        """Make a version the champion.

        Args:
            family: The family's name.
            version: The number of an existing version.
            why: The reason, which is stored with the version.

        Returns:
            The version.

        Raises:
            BadInputError: If the version does not exist.
        """
        self.version(Reference(family, version))
        before = self._history(family)
        with self._open() as client:
            self._point_alias(client, family, version, why)
            # Written after the alias moved: if this write is lost, _history appends the version with the alias.
            self._write_history(client, family, [*before, version])
        return self.version(Reference(family, version))

    def record_decision(self, version: Version, why: str) -> None:
        """Store the decision about a version, which may have been registered with an earlier decision."""
        name = registered_name(version.family)
        with self._open() as client:
            client.set_model_version_tag(name, str(version.version), "decision", why[:_MAX_TAG])

    def rename_search(self, family: str, study: str, name: str) -> None:
        """Write the new name of the search that a study belongs to into the versions that were made from it."""
        made = [version for version in self.versions(family) if version.tags.get("study") == study]
        for version in made:
            with self._open() as client:
                client.set_model_version_tag(registered_name(family), str(version.version), "search", name)

    def rollback(self, family: str) -> tuple[Version, Version]:
        """Make the previous champion the champion again.

        Args:
            family: The family's name.

        Returns:
            The replaced champion and the new champion.

        Raises:
            BadInputError: If there is no champion, or no previous champion.
        """
        self.version(Reference(family, None))  # raises before anything is locked if there is no champion
        with self.deciding():
            old = self.version(Reference(family, None))
            *before, _ = self._history(family)
            if not before:
                raise BadInputError(
                    f"{old.reference} is the first champion of its family, so there is no earlier one to return to",
                    remedy="choose another of the registered models",
                    action=Action("list models"),
                )
            with self._open() as client:
                self._write_history(client, family, before)
                self._point_alias(client, family, before[-1], f"rolled back from {old.reference}")
        return self.version(Reference(family, old.version)), self.version(Reference(family, before[-1]))

    def evidence(self, version: Version) -> dict[str, Any]:
        """Return the evidence that was stored with a version; raise BadInputError if it is missing or damaged."""
        if not version.run_id:
            raise BadInputError(
                "only a promoted version has evidence", f"{version.reference} was registered in another way"
            )
        with self._open() as client:
            text = read_artifact(client, version.run_id, EVIDENCE)
        try:
            return dict(json.loads(text))
        except (RecursionError, TypeError, ValueError) as error:
            raise BadInputError(
                "a version's evidence must be intact",
                f"that of {version.reference} is damaged",
                f"{EVIDENCE} of MLflow's run {version.run_id}: {one_line(error)}",
                _REMEDY,
            ) from None

    def model_file(self, version: Version) -> Path:
        """Return a version's trained model; download it into the home folder if it is not on this machine.

        Args:
            version: The version.

        Returns:
            The file that was registered, in the format of ``models.training.checkpoint``.

        Raises:
            BadInputError: If the file is missing or has changed.
        """
        folder = _local(self._location(version))
        if folder is None:
            folder = self._home / "registered" / version.reference
            if not _is_intact(folder / _MODEL, version):
                self._download(version, _MODEL, folder)
        path = folder / _MODEL
        if not path.exists():
            raise BadInputError(
                "a version's weights must exist", f"those of {version.reference} do not", str(path), _REMEDY
            )
        if not _is_intact(path, version):
            raise BadInputError(
                "a version's weights must be those that were registered",
                f"those of {version.reference} have changed",
                str(path),
                _REMEDY,
            )
        return path

    def export(self, version: Version, folder: Path) -> Path:
        """Copy a version to a folder, to be used elsewhere with MLflow alone.

        Args:
            version: The version.
            folder: The folder, which is created.

        Returns:
            The folder.

        Raises:
            BadInputError: If the folder is not empty or not writable, or the weights have changed.
        """
        self.model_file(version)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            is_empty = not any(folder.iterdir())
        except OSError as error:
            raise BadInputError(
                "a model is exported into a folder", f"{folder} is not one", str(error.strerror), "name another"
            ) from None
        if not is_empty:
            raise BadInputError(
                "a model is exported into an empty folder", f"{folder} is not empty", remedy="name another"
            )
        self._download(version, "", folder)
        return folder

    def _location(self, version: Version) -> str:
        with self._open() as client:
            return client.get_model_version_download_uri(registered_name(version.family), str(version.version))

    def _download(self, version: Version, path: str, folder: Path) -> None:
        """Copy a file of a version from the registry, or all its files if the path is empty."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        location = self._location(version)
        folder.mkdir(parents=True, exist_ok=True)
        with self._open():
            repository: Any = get_artifact_repository(location, tracking_uri=self._uri)
            repository.download_artifacts(path, str(folder))

    def _point_alias(self, client: "MlflowClient", family: str, version: int, why: str) -> None:
        name, number = registered_name(family), str(version)
        client.set_model_version_tag(name, number, "champion_since", datetime.now(UTC).isoformat(timespec="seconds"))
        client.set_model_version_tag(name, number, "champion_why", why[:_MAX_TAG])
        client.set_registered_model_alias(name, CHAMPION, number)

    def _history(self, family: str) -> list[int]:
        """Return the versions that were champion, the current one last, including changes made in MLflow itself."""
        versions = {version.version: version for version in self.versions(family)}
        current = next((version.version for version in versions.values() if version.is_champion), None)
        with self._open() as client:
            model: Any = client.get_registered_model(registered_name(family))
        history = [number for number in json.loads(model.tags.get(_HISTORY, "[]")) if number in versions]
        if current is not None and history[-1:] != [current]:
            history.append(current)
        return history

    def _write_history(self, client: Any, family: str, history: list[int]) -> None:
        client.set_registered_model_tag(registered_name(family), _HISTORY, json.dumps(history[-_MAX_HISTORY:]))

    @cached_property
    def _client(self) -> "MlflowClient":
        check_tracking(self._uri)
        return connect(self._uri)

    @contextmanager
    def _open(self) -> "Generator[MlflowClient]":
        """Yield the client; an error of MLflow in the block becomes a BadInputError."""
        client = self._client
        from mlflow.exceptions import MlflowException

        try:
            yield client
        except (MlflowException, SQLAlchemyError) as error:
            raise BadInputError(
                "the model registry must be usable",
                f"{without_password(self._uri)} is not",
                first_line(error, self._uri),
                "check that its server runs and its database is intact, and run the same command again",
            ) from error


def _busy(process: str) -> BadInputError:
    return BadInputError(
        "one promotion at a time can choose the champion",
        f"another one has held the lock for {_PATIENCE_S:.0f} s",
        process,
        "wait for it or end it, and run the same command again: it resumes from here",
    )


def _local(location: str) -> Path | None:
    """Return the path of artifacts on this machine; None if they are elsewhere."""
    parsed = urlparse(location)
    return Path(unquote(parsed.path)) if parsed.scheme in {"", "file"} else None


def _is_intact(path: Path, version: Version) -> bool:
    from search.promotion.serving import sha256

    return path.exists() and sha256(path) == version.tags.get("sha256")
