"""Starting and ending a cluster: Ray's own cluster launcher, called as a user would call it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

from cluster.launch.files import open_places
from data_prep.errors import BadInputError

_RAY = (sys.executable, "-P", "-m", "ray.scripts.scripts")


def launch(what: Literal["up", "down", "status"], file: Path, *, yes: bool = False) -> int:
    """Start, end or look at the cluster of a launch file.

    Args:
        what: Which of these.
        file: A launch file of Ray's cluster launcher; the files that it names are looked for beside it.
        yes: Whether Ray asks before it starts or ends machines.

    Returns:
        The exit status of Ray's launcher.

    Raises:
        BadInputError: If it is no such file, or not filled in.
    """
    _check(file)
    confirmed = ("--yes",) if yes else ()
    command: dict[str, tuple[str, ...]] = {
        "up": ("up", file.name, *confirmed),
        "down": ("down", file.name, *confirmed),
        "status": ("exec", file.name, "ray status"),
    }
    return subprocess.run([*_RAY, *command[what]], cwd=file.absolute().parent, check=False).returncode  # noqa: S603  (an argument list)


def _check(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInputError(
            f"a launch file must be readable: {file} ({reason}); 'tunesmith cluster init' writes one"
        ) from None
    if re.search(r"^apiVersion:", text, re.MULTILINE):
        raise BadInputError(f"Kubernetes starts what {file} says, not Ray's launcher: kubectl apply -f {file}")
    if not re.search(r"^cluster_name:", text, re.MULTILINE):
        raise BadInputError(f"a launch file is one of Ray's cluster launcher, with a cluster_name: {file} has none")
    if places := open_places(file):
        lines = ", ".join(f"line {number} ({line})" for number, line in places)
        raise BadInputError(f"a launch file is filled in before it is used: {file} is not in {lines}")
