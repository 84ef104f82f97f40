"""Connecting to the job server of a cluster, which is part of its dashboard."""

import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from cluster.session import quieten, reason_of
from data_prep.errors import Action, BadInputError

if TYPE_CHECKING:
    from ray.job_submission import JobSubmissionClient

_MUST_ANSWER: Final = "a Ray dashboard must answer at the address"
_REMEDY: Final = (
    "set RAY_AUTH_MODE=token, and put the output of 'ray get-auth-token' on the head into RAY_AUTH_TOKEN or "
    "~/.ray/auth_token"
)
_VERBOSE: Final = (
    "ray._private.authentication.http_token_authentication",
    "ray._private.runtime_env.packaging",
    "ray.dashboard.modules.dashboard_sdk",
    "ray.dashboard.modules.job.sdk",
)
"""Loggers that are limited to errors."""


def connect_dashboard(address: str) -> "JobSubmissionClient":
    """Connect to a cluster's job server.

    Args:
        address: The dashboard's URL, such as http://head:8265.

    Returns:
        Ray's client.

    Raises:
        BadInputError: If the URL is invalid, no dashboard answers there, or the token is missing or wrong.
    """
    _check_address(address)
    _check_token_file()
    quieten()
    for name in ("RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        os.environ.pop(name, None)  # Ray would connect there instead
    from ray.exceptions import AuthenticationError
    from ray.job_submission import JobSubmissionClient

    for name in _VERBOSE:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        return JobSubmissionClient(address)
    except AuthenticationError as error:
        value = "it was given a wrong one" if "invalid" in str(error) else "it was given none"
        raise BadInputError("a cluster requires its token", value, address, _REMEDY) from None
    except Exception as error:  # another kind of server may answer there
        raise BadInputError(_MUST_ANSWER, f"{address} does not ({reason_of(error)})") from error


def _check_address(address: str) -> None:
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        parts, port = urlsplit(""), 0
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise BadInputError(
            "jobs are sent to the head's dashboard, as http://head:8265",
            f"got {address!r}",
            remedy="give the dashboard's URL, not Ray's own HOST:PORT",
            action=Action("choose address"),
        )
    if parts.username or parts.password:
        raise BadInputError(
            "an address must not contain a user or password", f"got {parts.hostname} with one", remedy=_REMEDY
        )
    try:
        with socket.create_connection((parts.hostname, port), timeout=5):
            pass
    except OSError as error:
        raise BadInputError(
            _MUST_ANSWER,
            f"{address} does not ({error})",
            remedy="forward it to this machine with 'ray dashboard FILE.yaml' or 'kubectl port-forward'",
        ) from None


def _check_token_file() -> None:
    """Check the token's file, since Ray would exit the program if it cannot be read."""
    path = os.environ.get("RAY_AUTH_TOKEN_PATH")
    if not path or os.environ.get("RAY_AUTH_TOKEN"):
        return
    try:
        empty = not Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        empty = True
    if empty:
        raise BadInputError("RAY_AUTH_TOKEN_PATH must name a file with the cluster's token", f"{path} has none")
