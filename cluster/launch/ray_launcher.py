"""Starting and stopping a cluster with Ray's cluster launcher, called as a user would call it."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Literal

from cluster.launch.files import unfilled_lines
from data_prep.errors import Action, BadInputError

_RAY = (sys.executable, "-P", "-m", "ray.scripts.scripts")


def launch(what: Literal["up", "down", "status"], file: Path, *, yes: bool = False) -> int:
    """Start, stop or show the cluster of a launch file.

    Args:
        what: Which of these.
        file: A launch file of Ray's cluster launcher; paths in it are relative to its folder.
        yes: Whether to start or stop machines without asking.

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
    return subprocess.run([*_RAY, *command[what]], cwd=file.absolute().parent, check=False).returncode


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
    rule = "a launch file is one of Ray's cluster launcher"
    if re.search(r"^apiVersion:", text, re.MULTILINE):
        raise BadInputError(rule, f"{file} is one of Kubernetes", remedy=f"apply it: kubectl apply -f {file}")
    if not re.search(r"^cluster_name:", text, re.MULTILINE):
        raise BadInputError(rule, f"{file} has no cluster_name")
    if lines := unfilled_lines(file):
        unfilled = ", ".join(f"line {number} ({line})" for number, line in lines)
        raise BadInputError("a launch file must be filled in before it is used", f"{file} is not in {unfilled}")
