"""Starting and stopping a cluster with the command line of Ray's cluster launcher."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

from cluster.launch.files import unfilled_lines
from data_prep.errors import Action, BadInputError

_RAY = (sys.executable, "-P", "-m", "ray.scripts.scripts")


def launch(action: Literal["up", "down", "status"], file: Path, *, yes: bool = False) -> int:
    """Start, stop or show the cluster of a launch file.

    Args:
        action: "up" starts the cluster, "down" stops it, "status" shows it.
        file: A launch file of Ray's cluster launcher; paths in it are relative to its folder.
        yes: Whether to start or stop machines without asking for confirmation.

    Returns:
        The exit status of Ray's launcher.

    Raises:
        BadInputError: If the file is not a launch file, or not filled in.
    """
    _check(file)
    confirmed = ("--yes",) if yes else ()
    command = ("exec", file.name, "ray status") if action == "status" else (action, file.name, *confirmed)
    return subprocess.run([*_RAY, *command], cwd=file.absolute().parent, check=False).returncode


def _check(file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInputError(
            "a launch file must be readable",
            f"{file} is not ({reason})",
            remedy="write one",
            action=Action("write launch file"),
        ) from None
    rule = "the file must be a launch file of Ray's cluster launcher"
    if re.search(r"^apiVersion:", text, re.MULTILINE):
        raise BadInputError(rule, f"{file} is a Kubernetes manifest", remedy=f"apply it: kubectl apply -f {file}")
    if not re.search(r"^cluster_name:", text, re.MULTILINE):
        raise BadInputError(rule, f"{file} has no cluster_name")
    if lines := unfilled_lines(file):
        unfilled = ", ".join(f"line {number} ({line})" for number, line in lines)
        raise BadInputError("a launch file must be filled in before it is used", f"{file} is not in {unfilled}")
