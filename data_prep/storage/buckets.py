"""Buckets of object stores through pyarrow: one object is put whole or not at all, and no call waits for minutes."""

# pyarrow is untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeVar

from data_prep.errors import one_line
from data_prep.storage.unusable import UnusablePlaceError, unusable

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "s3": ("endpoint_override", "region", "scheme", "tls_ca_file_path"),
    "gs": ("anonymous", "endpoint_override", "scheme"),
}
"""What may be said of a store, by the scheme of its URL, in pyarrow's words."""

CREDENTIALS: Mapping[str, str] = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role",
    "gs": "a file that GOOGLE_APPLICATION_CREDENTIALS names, or a service account",
}
"""Where a store's credentials come from."""

_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 3.0, 4.0, 2
_RETRY_SECONDS = 10
_PAUSE_SECONDS = 2.0
_DEFAULT_REGION = "us-east-1"

_DETAIL = re.compile(r"AWS Error (?P<code>\w+) during \w+ operation: (?P<text>.*?)(?: \(Request ID: .*)?$", re.DOTALL)
_PREAMBLE = re.compile(r".*(?:Details: |with a last message of )")
_AWAY = re.compile(r"NETWORK_CONNECTION|SERVICE_UNAVAILABLE|SLOW_DOWN|INTERNAL_FAILURE|REQUEST_TIMEOUT|UNAVAILABLE")
_MISSING = re.compile(r"NO_SUCH_BUCKET|NOT_FOUND|[Bb]ucket .*(?:not found|does not exist)")
_DENIED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|TOKEN|CREDENTIALS|PERMISSION_DENIED|UNAUTHENTICATED|OAuth|FORBIDDEN"
)

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Bucket:
    """A bucket. It pickles without its connection, which each process makes for itself, with credentials of its own.

    Attributes:
        scheme: "s3" or "gs".
        name: The bucket's name.
        options: What else pyarrow must know of the store.
        patience: Seconds for which a store that does not answer is tried again.
    """

    scheme: str
    name: str
    options: tuple[tuple[str, str], ...] = ()
    patience: float = 0.0

    def read(self, key: str) -> bytes:
        """Read an object; FileNotFoundError if there is none."""

        def read(system: Any) -> bytes:
            with system.open_input_stream(self._path(key)) as stream:
                return bytes(stream.read())

        return self._do(read)

    def write(self, key: str, data: bytes) -> None:
        """Put an object."""

        def write(system: Any) -> None:
            with system.open_output_stream(self._path(key)) as stream:
                stream.write(data)

        try:
            self._do(write)
        except FileNotFoundError as error:
            raise self._unusable(error) from None

    def exists(self, key: str) -> bool:
        """Say whether there is such an object."""
        return self._do(lambda system: bool(system.get_file_info(self._path(key)).is_file))

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        with suppress(FileNotFoundError):
            self._do(lambda system: system.delete_file(self._path(key)))

    def names(self, below: str) -> list[str]:
        """List the objects whose keys are one part longer than the given one."""

        def names(system: Any) -> list[str]:
            from pyarrow.fs import FileSelector  # noqa: PLC0415  (only who uses a store waits for it)

            found = system.get_file_info(FileSelector(self._path(below), allow_not_found=True))
            return [str(one.path).removeprefix(f"{self.name}/") for one in found if one.is_file]

        return self._do(names)

    def _path(self, key: str) -> str:
        return f"{self.name}/{key}"

    def _do(self, action: Callable[[Any], ResultT]) -> ResultT:
        """Do something with the store, again and again while it is away and patience lasts."""
        until = time.monotonic() + self.patience
        while True:
            try:
                return action(_connect(self.scheme, self.name, self.options))
            except FileNotFoundError:
                raise
            except OSError as error:
                if not _AWAY.search(str(error)) or time.monotonic() >= until:
                    raise self._unusable(error) from None
            time.sleep(_PAUSE_SECONDS)

    def _unusable(self, error: OSError) -> UnusablePlaceError:
        return unusable(f"{self.scheme}://{self.name}", *_explain(error, CREDENTIALS[self.scheme]))


def _explain(error: OSError, credentials: str) -> tuple[str, str]:
    """Give the reason of a library's long error, and what to do."""
    detail = _DETAIL.search(str(error))
    code, reason = (detail["code"], _short(detail["text"])) if detail else (str(error), _short(str(error)))
    if _MISSING.search(code):
        return "there is no such bucket", "make it, or name another"
    if reason == "No response body":
        reason = code.lower().replace("_", " ")
    if _DENIED.search(str(error)):
        return reason, f"give every machine credentials that may read, write, list and delete there ({credentials})"
    if _AWAY.search(code):
        return reason, "see that the network and the store are up, and that region and endpoint_override are right"
    return reason, "see that the bucket may be read, written and listed"


def _short(text: str) -> str:
    line = one_line(OSError(text)).partition(" error_info=")[0]
    return _PREAMBLE.sub("", line).strip().rstrip(".)")[:200]


@lru_cache(maxsize=8)
def _connect(scheme: str, bucket: str, options: tuple[tuple[str, str], ...]) -> Any:
    from pyarrow import fs  # noqa: PLC0415  (only who uses a store waits for it)

    given = dict(options)
    if scheme == "gs":
        anonymous = given.pop("anonymous", "") == "true"
        return fs.GcsFileSystem(anonymous=anonymous, retry_time_limit=timedelta(seconds=_RETRY_SECONDS), **given)
    if "region" not in given:
        named = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
        given["region"] = named if "endpoint_override" in given else fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        allow_delayed_open=True,  # a small object is one request
        **given,
    )
