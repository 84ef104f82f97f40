"""Resolve a folder's path or a URL to an object store."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from data_prep.errors import BadInputError, unknown
from data_prep.storage.bucket_store import CREDENTIALS, OPTIONS, BucketStore
from data_prep.storage.folder_store import FolderStore

_BUCKET = re.compile(r"[a-z0-9][a-z0-9._-]{1,221}")


def store_at(url: str | Path) -> FolderStore | BucketStore:
    """Return the object store at a path or URL, without connecting to it.

    Args:
        url: A folder's absolute path, s3://bucket/prefix or gs://bucket/prefix. For stores other than Amazon's and
            Google's, options follow a question mark: s3://bucket?endpoint_override=127.0.0.1:9000&scheme=http.

    Returns:
        The store.

    Raises:
        BadInputError: If the URL is invalid or contains credentials.
    """
    text = str(url)
    scheme = text.partition("://")[0] if "://" in text else ""
    if not scheme and Path(text).is_absolute():
        return FolderStore(Path(text))
    if scheme not in OPTIONS:
        rule = "storage is a folder's absolute path, s3://bucket/prefix or gs://bucket/prefix"
        raise BadInputError(rule, f"got {_without_credentials(text)!r}")
    if "@" in text:
        remedy = f"take them out, and give every machine {CREDENTIALS[scheme]}"
        raise BadInputError("storage must not contain credentials", where=_without_credentials(text), remedy=remedy)
    parts = urlsplit(text)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    for key in options:
        if key not in OPTIONS[scheme]:
            raise unknown("option of storage", key, OPTIONS[scheme], _without_credentials(text))
    if not _BUCKET.fullmatch(parts.netloc) or parts.fragment:
        raise BadInputError(f"storage names a bucket, as in {scheme}://bucket/prefix", f"got {text!r}")
    prefix = "".join(f"{part}/" for part in parts.path.split("/") if part)
    return BucketStore(scheme, parts.netloc, tuple(sorted(options.items())), prefix)


def _without_credentials(text: str) -> str:
    """Remove the parts of a URL that may be secret: the user and the options."""
    scheme, separator, rest = text.partition("://")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}".partition("?")[0]
