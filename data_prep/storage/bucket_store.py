"""An S3 or Google Cloud Storage bucket as an object store, through pyarrow with short timeouts."""

import os
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import Any, Self, TypeVar

from data_prep.errors import one_line
from data_prep.storage.object_store import UnusableStoreError

OPTIONS: Mapping[str, tuple[str, ...]] = {
    "s3": ("endpoint_override", "region", "scheme", "tls_ca_file_path"),
    "gs": ("anonymous", "endpoint_override", "scheme"),
}
"""Options that pyarrow accepts, by URL scheme."""

CREDENTIALS: Mapping[str, str] = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role",
    "gs": "a file that GOOGLE_APPLICATION_CREDENTIALS names, or a service account",
}
"""Sources of the credentials, by URL scheme."""

_CONNECT_SECONDS, _REQUEST_SECONDS, _ATTEMPTS = 3.0, 4.0, 2
_RETRY_SECONDS = 10
_PAUSE_SECONDS = 2.0
_DEFAULT_REGION = "us-east-1"

_DETAIL = re.compile(r"AWS Error (?P<code>\w+) during \w+ operation: (?P<text>.*?)(?: \(Request ID: .*)?$", re.DOTALL)
_PREAMBLE = re.compile(r".*(?:Details: |with a last message of )")
_UNAVAILABLE = re.compile(
    r"NETWORK_CONNECTION|SERVICE_UNAVAILABLE|SLOW_DOWN|INTERNAL_FAILURE|REQUEST_TIMEOUT|UNAVAILABLE"
)
_MISSING = re.compile(r"NO_SUCH_BUCKET|NOT_FOUND|[Bb]ucket .*(?:not found|does not exist)")
_DENIED = re.compile(
    r"ACCESS_DENIED|INVALID_ACCESS_KEY|SIGNATURE|TOKEN|CREDENTIALS|PERMISSION_DENIED|UNAUTHENTICATED|OAuth|FORBIDDEN"
)

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class BucketStore:
    """A bucket, or the names in it below a prefix; see ``ObjectStore``.

    It pickles without its connection, which each process opens with its own credentials.

    Attributes:
        scheme: "s3" or "gs".
        bucket: The bucket's name.
        options: Pairs of a key of ``OPTIONS`` and a value.
        prefix: Prefix of all names.
        patience: How long requests are retried while the store is unavailable (seconds).
    """

    scheme: str
    bucket: str
    options: tuple[tuple[str, str], ...] = ()
    prefix: str = ""
    patience: float = 0.0

    @property
    def label(self) -> str:
        """Location of the store for messages."""
        return f"{self.scheme}://{self.bucket}/{self.prefix}".rstrip("/")

    def below(self, name: str) -> Self:
        """Return the store of all names that begin with the given one and a slash."""
        return replace(self, prefix=f"{self.prefix}{name}/")

    def patient(self, seconds: float) -> Self:
        """Return the store with requests retried for this many seconds while it is unavailable."""
        return replace(self, patience=seconds)

    def read(self, name: str) -> bytes:
        """Return the bytes under a name; raise FileNotFoundError if there are none."""

        def read(system: Any) -> bytes:
            with system.open_input_stream(self._path(name)) as stream:
                return bytes(stream.read())

        return self._retried(read)

    def write(self, name: str, data: bytes) -> None:
        """Write bytes under a name atomically."""

        def write(system: Any) -> None:
            with system.open_output_stream(self._path(name)) as stream:
                stream.write(data)

        try:
            self._retried(write)
        except FileNotFoundError as error:
            raise self._unusable(error) from None

    def exists(self, name: str) -> bool:
        """Return whether there are bytes under a name."""
        return self._retried(lambda system: bool(system.get_file_info(self._path(name)).is_file))

    def remove(self, name: str) -> None:
        """Remove the bytes under a name, if there are any."""
        with suppress(FileNotFoundError):
            self._retried(lambda system: system.delete_file(self._path(name)))

    def clear(self) -> None:
        """Remove everything in a store of :meth:`below`."""
        assert self.prefix
        self._retried(lambda system: system.delete_dir_contents(self._path("").rstrip("/"), missing_dir_ok=True))

    def names(self, below: str) -> list[str]:
        """Return the names with one part more than the given one, sorted."""

        def names(system: Any) -> list[str]:
            selector = _pyarrow_fs().FileSelector(self._path(below), allow_not_found=True)
            return [str(info.path) for info in system.get_file_info(selector) if info.is_file]

        keys = [path.removeprefix(self._path("")) for path in self._retried(names)]
        return sorted(key for key in keys if not key.rpartition("/")[2].startswith("."))

    def _path(self, name: str) -> str:
        return f"{self.bucket}/{self.prefix}{name}"

    def _retried(self, action: Callable[[Any], ResultT]) -> ResultT:
        """Call an action with the connection; retry for ``patience`` seconds while the store is unavailable."""
        until = time.monotonic() + self.patience
        while True:
            try:
                return action(_connect(self.scheme, self.bucket, self.options))
            except FileNotFoundError:
                raise
            except OSError as error:
                if not _UNAVAILABLE.search(str(error)) or time.monotonic() >= until:
                    raise self._unusable(error) from None
            time.sleep(_PAUSE_SECONDS)

    def _unusable(self, error: OSError) -> UnusableStoreError:
        return UnusableStoreError.of(f"{self.scheme}://{self.bucket}", *_explain(error, CREDENTIALS[self.scheme]))


def _explain(error: OSError, credentials: str) -> tuple[str, str]:
    """Return the reason, extracted from pyarrow's long error, and a remedy."""
    detail = _DETAIL.search(str(error))
    code, reason = (detail["code"], _short(detail["text"])) if detail else (str(error), _short(str(error)))
    if _MISSING.search(code):
        return "there is no such bucket", "create it, or name another"
    if reason == "No response body":
        reason = code.lower().replace("_", " ")
    if _DENIED.search(str(error)):
        return reason, f"give every machine credentials that may read, write, list and delete there ({credentials})"
    if _UNAVAILABLE.search(code):
        return reason, "check that the network and the store are up, and that region and endpoint_override are right"
    return reason, "check that the bucket may be read, written and listed"


def _short(text: str) -> str:
    line = one_line(OSError(text)).partition(" error_info=")[0]
    return _PREAMBLE.sub("", line).strip().rstrip(".)")[:200]


def _pyarrow_fs() -> Any:
    from pyarrow import fs  # slow to import

    return fs


@lru_cache(maxsize=8)
def _connect(scheme: str, bucket: str, options: tuple[tuple[str, str], ...]) -> Any:
    fs = _pyarrow_fs()
    arguments = dict(options)
    if scheme == "gs":
        anonymous = arguments.pop("anonymous", "") == "true"
        return fs.GcsFileSystem(anonymous=anonymous, retry_time_limit=timedelta(seconds=_RETRY_SECONDS), **arguments)
    if "region" not in arguments:
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or _DEFAULT_REGION
        arguments["region"] = region if "endpoint_override" in arguments else fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        connect_timeout=_CONNECT_SECONDS,
        request_timeout=_REQUEST_SECONDS,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
        allow_delayed_open=True,  # a small object is one request
        **arguments,
    )
