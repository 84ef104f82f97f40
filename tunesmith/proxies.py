"""Bypassing the environment's proxies for servers on this machine."""

import os

_LOCAL_HOSTS = ("localhost", "127.0.0.1", "127.0.0.0/8", "::1")


def bypass_proxies_locally() -> None:
    """Add the loopback addresses to ``no_proxy``, for this process and its children."""
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if no_proxy.strip() == "*":
        return
    hosts = filter(None, (host.strip() for host in no_proxy.split(",")))
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(dict.fromkeys((*hosts, *_LOCAL_HOSTS)))
