"""Addresses of this machine: whether a server can listen on one, and the names under which requests reach it."""

import errno
import re
import socket
from ipaddress import ip_address

from data_prep.errors import BadInputError

_NAME = re.compile(r"[\w.:%-]+", re.ASCII)
"""A valid --host; MLflow would interpret "*" in an allowed host as a pattern."""

_OWN_ADDRESS = "--host is a name or an address of this machine"
_OMIT = "omit it for 127.0.0.1"
_HTTP_PORT = 80


def allowed_hosts(host: str, port: int) -> list[str]:
    """Return the accepted values of a request's Host header: exact names with the port.

    This protects against DNS rebinding: if a web page lets its own name resolve to this machine, the browser sends that
    name, which is not accepted.

    Args:
        host: The address that the server listens on; for all addresses (0.0.0.0, ::), this machine's host name is
            accepted.
        port: The server's port.

    Returns:
        The values.
    """
    own = (socket.gethostname(), socket.getfqdn()) if is_everywhere(host) else (host,)
    names = dict.fromkeys(["localhost", "127.0.0.1", "[::1]", *(in_url(name.lower()) for name in own)])
    return [f"{name}:{port}" for name in names] + [*(names if port == _HTTP_PORT else ())]


def in_url(host: str) -> str:
    """Return a host as it is written in an URL."""
    return f"[{host}]" if ":" in host else host


def is_everywhere(host: str) -> bool:
    """Return whether a host stands for all addresses of this machine."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def check_address(host: str, port: int) -> None:
    """Check that this machine can listen on an address.

    Args:
        host: A name or an address of this machine.
        port: The port.

    Raises:
        BadInputError: If the host is not this machine's, or the port is in use or requires privileges.
    """
    if not _NAME.fullmatch(host):
        raise BadInputError(_OWN_ADDRESS, f"{host!r} is unknown", remedy=_OMIT)
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError) as error:
        raise BadInputError(_OWN_ADDRESS, f"{host!r} is unknown ({error})", remedy=_OMIT) from None
    for family, kind, protocol, _, address in addresses:
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
            except OSError as error:
                raise _unusable(host, port, error) from None


def _unusable(host: str, port: int, error: OSError) -> BadInputError:
    if error.errno == errno.EADDRINUSE:
        return BadInputError(f"port {port} of {host} is in use by another program", remedy="name another with --port")
    if error.errno == errno.EADDRNOTAVAIL:
        return BadInputError(_OWN_ADDRESS, f"{host} is not", remedy=_OMIT)
    return BadInputError(f"port {port} of {host} cannot be used ({error.strerror})", remedy="name another with --port")
