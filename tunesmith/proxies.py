"""A proxy that the environment names is for other machines: what listens on this one is reached without it."""

import os

_HERE = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")


def spare_this_machine() -> None:
    """Add this machine's own addresses to those that are reached without a proxy, for us and what we start."""
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if given.strip() == "*":
        return
    hosts = [host for host in (each.strip() for each in given.split(",")) if host]
    spared = ",".join((*hosts, *(host for host in _HERE if host not in hosts)))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = spared
