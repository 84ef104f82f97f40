"""A local Ray that only its user can access: on loopback, in a private folder, with a token that is never stored."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from data_prep.errors import BadInputError
from data_prep.wording import counted

_LONGEST: Final = 107 if sys.platform.startswith("linux") else 103
"""Maximum length of a socket's path, in bytes."""

_SOCKET: Final = len("/r/session_2026-01-01_00-00-00_000000_0000000/sockets/plasma_store")
"""Length of a socket's path below Ray's folder, in bytes."""

_DEFAULT_FOLDERS: Final = ("/tmp", "/var/tmp")  # noqa: S108  (mkdtemp creates a private folder in them)

_ONLY_LOOPBACK: Final = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"
"""Ray's environment variable; with "0", its servers listen only on the loopback address."""


@contextmanager
def local_ray(num_cpus: int | None, num_gpus: int | None) -> Generator[dict[str, Any]]:
    """Prepare a local Ray for the duration of a ``with`` block.

    Args:
        num_cpus: Number of CPUs; None is all.
        num_gpus: Number of GPUs; None is all.

    Yields:
        Options of ``ray.init``. Workers import our packages from this program's folder, nothing from the current one.

    Raises:
        BadInputError: If no folder can be created for Ray.
    """
    folder = _private_folder()
    try:
        with _environment(_settings()), _on_loopback(), _few_processes():
            yield {
                "address": "local",
                "num_cpus": num_cpus,
                "num_gpus": num_gpus,
                "include_dashboard": False,
                "_temp_dir": str(Path(folder, "r")),  # every user can read the folder that Ray creates by default
                "job_config": _job_config(),
            }
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _job_config() -> Any:
    """Return a job's configuration that does not add the current folder to the workers' path.

    Ray adds it unless the workers have a folder of their own, which takes a third of a second to set up in each.
    """
    from ray.job_config import JobConfig

    config: Any = JobConfig()
    config._runtime_env_has_working_dir = lambda: True  # noqa: SLF001  (nothing public does this; Ray 2.60)
    return config


def _private_folder() -> str:
    """Create a folder that only this user can read, with a path short enough for Ray's sockets."""
    candidates = (os.environ.get("RAY_TMPDIR"), os.environ.get("TMPDIR"), *_DEFAULT_FOLDERS)
    parents = list(dict.fromkeys(str(Path(parent).absolute()) for parent in candidates if parent))
    longest = _LONGEST - _SOCKET
    for parent in parents:
        with suppress(OSError):
            folder = tempfile.mkdtemp(prefix="ray-", dir=parent)
            if len(os.fsencode(folder)) <= longest:
                return folder
            Path(folder).rmdir()
    raise BadInputError(
        f"Ray needs a writable folder for its sockets, with a path of at most {counted(longest, 'byte')}",
        f"none can be created in {', '.join(parents)}",
        remedy="name another with RAY_TMPDIR",
    )


def _settings() -> Mapping[str, str]:
    """Return environment variables for Ray and its workers, with a new token unless the user set or disabled it."""
    uses_token = os.environ.get("RAY_AUTH_MODE", "token") == "token"
    has_token = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys()
    token = {"RAY_AUTH_TOKEN": secrets.token_hex(32)} if uses_token and not has_token else {}
    paths = (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))
    return {
        _ONLY_LOOPBACK: "0",
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a setting of Ray Tune
        **token,
    }


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
    """Apply the settings to a Ray that is already imported; by itself, Ray reads them only once."""
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


@contextmanager
def _few_processes() -> Generator[None]:
    """Start Ray without the processes that only a cluster needs, which take a third of its time to start.

    They are the autoscaler, the dashboard's server (which also runs without a dashboard), and the log monitor, which
    prints the messages of workers.
    """
    parameter: Any = import_module("ray._private.parameter")
    services: Any = import_module("ray._private.services")
    params, start_api_server = parameter.RayParams, services.start_api_server
    parameter.RayParams = partial(params, no_monitor=True, include_log_monitor=False)
    services.start_api_server = _no_api_server
    try:
        yield
    finally:
        parameter.RayParams, services.start_api_server = params, start_api_server


def _no_api_server(*_: object, **__: object) -> tuple[None, None]:
    """Return what Ray returns when an optional dashboard does not start: no URL and no process."""
    return None, None
