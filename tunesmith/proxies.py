"""Proxies that the environment names are not used for servers on this machine."""

import os

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")


def bypass_proxies_locally() -> None:
    """Add this machine's own addresses to those reached without a proxy, for this process and its children."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if given.strip() == "*":
        return
    hosts = [host for host in (each.strip() for each in given.split(",")) if host]
    spared = ",".join((*hosts, *(host for host in _LOCAL_HOSTS if host not in hosts)))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = spared
