"""A local Ray that only its user can reach: on loopback, in a private folder, with a token that is never stored."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from data_prep.errors import BadInputError
from data_prep.wording import counted

_LONGEST: Final = 107 if sys.platform.startswith("linux") else 103
"""Longest path of a socket, in bytes."""

_SOCKET: Final = len("/r/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store")
"""Bytes of such a path that Ray uses below its folder."""

_USUAL: Final = ("/tmp", "/var/tmp")  # noqa: S108  (mkdtemp makes a private folder in them)

_ONLY_LOOPBACK: Final = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's switch; "0" makes it use the loopback address, so that its servers listen only there."""


@contextmanager
def local_ray(num_cpus: int | None, num_gpus: int | None) -> Generator[dict[str, Any]]:
    """Prepare a local Ray for the length of a ``with`` block.

    Args:
        num_cpus: Its CPUs; None is all.
        num_gpus: Its GPUs; None is all.

    Yields:
        Options of ``ray.init``. Workers import packages from where ours are, not from the current folder.

    Raises:
        BadInputError: If no folder can be created for it.
    """
    folder = _private_folder()
    try:
        with _environment(_settings()), _on_loopback():
            yield {
                "address": "local",
                "num_cpus": num_cpus,
                "num_gpus": num_gpus,
                "include_dashboard": False,
                "_temp_dir": str(Path(folder, "r")),  # everybody can read the folder that Ray itself creates
                "runtime_env": _ours(folder),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ours(folder: str) -> dict[str, Any]:
    nothing = Path(folder, "nothing")
    nothing.mkdir()
    root = str(Path(__file__).parent.parent)
    paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return {"working_dir": str(nothing), "env_vars": {"PYTHONPATH": paths}}


def _private_folder() -> str:
    """Create a folder that only this user can read, with a path short enough for Ray's sockets."""
    given = [os.environ[name] for name in ("RAY_TMPDIR", "TMPDIR") if os.environ.get(name)]
    places = list(dict.fromkeys(str(Path(place).absolute()) for place in (*given, *_USUAL)))
    room = _LONGEST - _SOCKET
    for place in places:
        with suppress(OSError):
            folder = tempfile.mkdtemp(prefix="ray-", dir=place)
            if len(os.fsencode(folder)) <= room:
                return folder
            Path(folder).rmdir()
    raise BadInputError(
        f"Ray needs a writable folder for its sockets, with a path of at most {counted(room, 'byte')}",
        f"none can be created in {', '.join(places)}",
        remedy="name another with RAY_TMPDIR",
    )


def _settings() -> Mapping[str, str]:
    """Return the environment of Ray's processes: with a new token, unless the user set one or disabled tokens."""
    own_token = os.environ.get("RAY_AUTH_MODE", "token") == "token"
    given = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    token = {"RAY_AUTH_TOKEN": secrets.token_hex(32)} if own_token and not given else {}
    return {_ONLY_LOOPBACK: "0", **token}


@contextmanager
def _environment(settings: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def _on_loopback() -> Generator[None]:
    """Make a Ray that is already imported read its switch and its token again; otherwise it reads them only once."""
    from ray._private import ray_constants

    loader: Any = import_module("ray._raylet").AuthenticationTokenLoader.instance()
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    loader.reset_cache()
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before
        loader.reset_cache()
