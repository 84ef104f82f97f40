"""The registry of models in MLflow: versions, the champion and the way back, evidence, and the models themselves."""

# MLflow is partly untyped:
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

from data_prep.errors import BadInputError, one_line
from search.passwords import first_line, without_password
from search.promotion.registration import EVIDENCE, Registration, register
from search.promotion.versions import CHAMPION, Reference, Version, listed, no_such_version, registered_name
from search.study.folder_lock import exclusive
from search.tracking.client import check_tracking, connect, find_experiment, quieten
from search.tracking.store_file import sqlite_file

if TYPE_CHECKING:
    from mlflow import MlflowClient

_HISTORY = "champions"
"""The registered model's tag with the versions that were champion, one after another, the present one last."""

_LONGEST_HISTORY = 100
_LONGEST_TAG = 5000
_PATIENCE_S = 120.0
_MODEL = "artifacts/model.pt"
_REMEDY = "use another version, or promote its trial again"


class Registry:
    """The registered models of one store."""

    def __init__(self, uri: str, home: Path) -> None:
        """Remember where it is; nothing is opened yet.

        Args:
            uri: The store's, as ``search.tracking.runs.tracking_uri`` gives it.
            home: The home folder.
        """
        quieten()
        self._uri, self._home = uri, home

    def register(self, what: Registration) -> Version:
        """Register a model; the champion stays who it is.

        Args:
            what: The model.

        Returns:
            Its version.

        Raises:
            BadInputError: If the registry cannot be used.
        """
        with self._open() as client:
            number = register(client, find_experiment(client, what.family, self._home, self._uri), what)
        return self.version(Reference(what.family, number))

    def versions(self, family: str | None = None) -> list[Version]:
        """List registered versions.

        Args:
            family: Of this family; None for all.

        Returns:
            Them, by family, the newest first.

        Raises:
            BadInputError: If the registry cannot be used.
        """
        if self._is_missing():
            return []
        with self._open() as client:
            return sorted(listed(client, family), key=lambda one: (one.family, -one.version))

    def version(self, reference: Reference) -> Version:
        """Find a version.

        Args:
            reference: What a user asks for.

        Returns:
            It.

        Raises:
            BadInputError: If there is none such, or the registry cannot be used.
        """
        known = self.versions(reference.family)
        for one in known:
            if one.version == reference.version or (reference.version is None and one.is_champion):
                return one
        raise no_such_version(reference, known)

    def champion(self, family: str) -> Version | None:
        """Give the version in use; None if there is none yet."""
        return next((one for one in self.versions(family) if one.is_champion), None)

    def of_trial(self, family: str, study: str, number: int) -> Version | None:
        """Give the newest version that was made of a trial of the study with that id; None if there is none."""
        source = {"study": study, "trial": str(number)}
        return next((one for one in self.versions(family) if source.items() <= one.tags.items()), None)

    @contextmanager
    def deciding(self) -> Generator[None]:
        """Keep others from deciding who is champion: all processes of this home folder, or with this store's file.

        Yields:
            Nothing.

        Raises:
            BadInputError: If another process decides for very long.
        """
        file = sqlite_file(self._uri)
        folder = self._home if file is None else file.parent
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive(folder / "champion.lock", _PATIENCE_S, _is_decided_elsewhere):
            yield

    def set_champion(self, family: str, version: int, why: str) -> Version:
        """Make a version the champion.

        Args:
            family: The family's name.
            version: The version's number, which exists.
            why: For what reason, which is stored with it.

        Returns:
            The version.

        Raises:
            BadInputError: If there is no such version, or the registry cannot be used.
        """
        self.version(Reference(family, version))
        name, before = registered_name(family), self._history(family)
        with self._open() as client:
            client.set_model_version_tag(name, str(version), "champion_since", _now())
            client.set_model_version_tag(name, str(version), "champion_why", why[:_LONGEST_TAG])
            client.set_registered_model_alias(name, CHAMPION, str(version))
            # After the alias: if this is not written, the history shows it all the same, by the alias.
            self._write_history(client, name, [*before, version])
        return self.version(Reference(family, version))

    def record_decision(self, version: Version, why: str) -> None:
        """Store what was decided about a version, which may have been registered with an earlier decision."""
        with self._open() as client:
            client.set_model_version_tag(
                registered_name(version.family), str(version.version), "decision", why[:_LONGEST_TAG]
            )

    def rollback(self, family: str) -> tuple[Version, Version]:
        """Give the alias back to the version that was champion before.

        Args:
            family: The family's name.

        Returns:
            Who was champion, and who is now.

        Raises:
            BadInputError: If there is no champion, or none was before it, or the registry cannot be used.
        """
        self.version(Reference(family, None))  # where there is none, nothing is locked
        with self.deciding():
            old = self.version(Reference(family, None))
            *before, _ = self._history(family)
            if not before:
                raise BadInputError(
                    f"{old.reference} is the first champion of its family, so there is none to go back to: "
                    f"tunesmith models lists what is registered"
                )
            name = registered_name(family)
            with self._open() as client:
                self._write_history(client, name, before)
                client.set_model_version_tag(name, str(before[-1]), "champion_since", _now())
                client.set_model_version_tag(name, str(before[-1]), "champion_why", f"rolled back from {old.reference}")
                client.set_registered_model_alias(name, CHAMPION, str(before[-1]))
        return self.version(Reference(family, old.version)), self.version(Reference(family, before[-1]))

    def evidence(self, version: Version) -> dict[str, Any]:
        """Read what spoke for a version when it was registered.

        Args:
            version: The version.

        Returns:
            The evidence of its registration.

        Raises:
            BadInputError: If it has none, or the registry cannot be used.
        """
        if not version.run_id:
            raise BadInputError(f"{version.reference} was not registered by tunesmith promote: it has no evidence")
        with self._open() as client, tempfile.TemporaryDirectory() as folder:
            text = Path(client.download_artifacts(version.run_id, EVIDENCE, folder)).read_bytes()
        try:
            return dict(json.loads(text))
        except (RecursionError, TypeError, ValueError) as error:
            raise BadInputError(
                f"the evidence of {version.reference} must be what was registered, and {EVIDENCE} of MLflow's run "
                f"{version.run_id} is damaged ({one_line(error)}): {_REMEDY}"
            ) from None

    def model_file(self, version: Version) -> Path:
        """Find a version's trained model, where need be by fetching it into the home folder.

        Args:
            version: The version.

        Returns:
            The file, in the format of ``models.training.checkpoint``; it is the one that was registered.

        Raises:
            BadInputError: If it is not, or is gone, or the registry cannot be used.
        """
        folder = _local(self._location(version))
        if folder is None:
            folder = self._home / "registered" / version.reference
            if not _is_whole(folder / _MODEL, version):
                self._fetch(version, _MODEL, folder)
        path = folder / _MODEL
        if not path.exists():
            raise BadInputError(f"the weights of {version.reference} must be there, and {path} is gone: {_REMEDY}")
        if not _is_whole(path, version):
            raise BadInputError(
                f"the weights of {version.reference} must be those that were registered, and {path} has been changed "
                f"since: {_REMEDY}"
            )
        return path

    def export(self, version: Version, folder: Path) -> Path:
        """Copy a version to be used elsewhere, by MLflow alone.

        Args:
            version: The version.
            folder: Where to; it is made.

        Returns:
            The folder.

        Raises:
            BadInputError: If the folder has something in it or cannot be written to, the weights are not those that
                were registered, or the registry cannot be used.
        """
        self.model_file(version)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            is_empty = not any(folder.iterdir())
        except OSError as error:
            raise BadInputError(f"a model is exported into a folder: {folder} is none ({error.strerror})") from None
        if not is_empty:
            raise BadInputError(f"a model is exported into an empty folder: {folder} has something in it; name another")
        self._fetch(version, "", folder)
        return folder

    def _location(self, version: Version) -> str:
        with self._open() as client:
            return client.get_model_version_download_uri(registered_name(version.family), str(version.version))

    def _fetch(self, version: Version, path: str, folder: Path) -> None:
        """Copy a file of a version, or with an empty path all of them, from where the registry keeps them."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository  # noqa: PLC0415

        location = self._location(version)
        folder.mkdir(parents=True, exist_ok=True)
        with self._open():
            get_artifact_repository(location, tracking_uri=self._uri).download_artifacts(path, str(folder))

    def _history(self, family: str) -> list[int]:
        """The versions that were champion, the present one last; what was moved or deleted by hand is seen."""
        versions = {one.version: one for one in self.versions(family)}
        current = next((one.version for one in versions.values() if one.is_champion), None)
        with self._open() as client:
            tags: dict[str, str] = client.get_registered_model(registered_name(family)).tags
        known = [number for number in json.loads(tags.get(_HISTORY, "[]")) if number in versions]
        if current is not None and known[-1:] != [current]:
            known.append(current)
        return known

    def _write_history(self, client: "MlflowClient", name: str, history: list[int]) -> None:
        client.set_registered_model_tag(name, _HISTORY, json.dumps(history[-_LONGEST_HISTORY:]))

    @cached_property
    def _client(self) -> "MlflowClient":
        check_tracking(self._uri)
        return connect(self._uri)

    @contextmanager
    def _open(self) -> "Generator[MlflowClient]":
        """Give the client; what MLflow raises in the meantime becomes one line."""
        client = self._client
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  (slow to import)
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  (likewise)

        try:
            yield client
        except (MlflowException, SQLAlchemyError) as error:
            reason = first_line(error, self._uri)
            raise BadInputError(
                f"the model registry must be usable: {without_password(self._uri)} is not ({reason}); see that its "
                "server runs, or its database is whole, and run the same command again"
            ) from error

    def _is_missing(self) -> bool:
        """Whether the store is a file that is not there yet: looking for models does not make one."""
        path = sqlite_file(self._uri)
        return path is not None and not path.exists()


def _is_decided_elsewhere(who: str) -> BadInputError:
    return BadInputError(
        f"one promotion at a time decides who is champion, and another has done so for {_PATIENCE_S:.0f} s ({who}): "
        "wait for it or end it, and run the same command again, which goes on from here"
    )


def _local(location: str) -> Path | None:
    """Give the place of artifacts on this machine; None if they are elsewhere."""
    parsed = urlparse(location)
    if parsed.scheme not in {"", "file"}:
        return None
    return Path(unquote(parsed.path))


def _is_whole(path: Path, version: Version) -> bool:
    from search.promotion.serving import sha256  # noqa: PLC0415  (it imports MLflow)

    return path.exists() and sha256(path) == version.tags.get("sha256")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
