"""An object store on this machine, with S3's protocol, for the length of a ``with`` block."""

import json
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from moto.server import ThreadedMotoServer

KEYS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_EC2_METADATA_DISABLED": "true"}
"""The environment of a process that uses the store."""


@dataclass(frozen=True)
class S3Server:
    """A running store.

    Attributes:
        address: Its HOST:PORT.
    """

    address: str

    def url(self, path: str) -> str:
        """Return the URL of BUCKET/PREFIX."""
        return f"s3://{path}?endpoint_override={self.address}&scheme=http&region=us-east-1"

    def make_bucket(self, name: str) -> None:
        self._put(name, b"")

    def forbid(self, bucket: str, *actions: str) -> None:
        """Refuse some actions on a bucket's objects; all are allowed again without any."""
        rule = {"Effect": "Deny", "Principal": "*", "Action": actions, "Resource": f"arn:aws:s3:::{bucket}/*"}
        self._put(f"{bucket}?policy", json.dumps({"Version": "2012-10-17", "Statement": [rule]}).encode())

    def allow(self, bucket: str) -> None:
        """Forbid nothing again."""
        self._send(f"{bucket}?policy", "DELETE", None)

    def _put(self, path: str, data: bytes) -> None:
        self._send(path, "PUT", data)

    def _send(self, path: str, method: str, data: bytes | None) -> None:
        request = urllib.request.Request(f"http://{self.address}/{path}", data=data, method=method)
        request.add_header("Content-Type", "application/octet-stream")
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310  (our own server)
            pass


@contextmanager
def object_store(port: int = 0) -> Generator[S3Server]:
    """Run a store on a free port, or a given one."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in KEYS.items():
            environment.setenv(name, value)
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
        server.start()
        try:
            host, given = server.get_host_and_port()
            yield S3Server(f"{host}:{given}")
        finally:
            server.stop()
