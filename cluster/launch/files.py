"""Launch files: templates for each kind of cluster, filled in with the versions that are installed here."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from cluster.pins import pins, public_version
from data_prep.errors import Action, BadInputError, unknown
from data_prep.storage.user_files import check_new

TO_FILL_IN = "FILL_IN"
"""The placeholder in a launch file for values that the user must fill in."""

REQUIREMENTS = "requirements.txt"
"""The file with the packages that nodes install, written next to a launch file."""


@dataclass(frozen=True)
class ClusterKind:
    """A kind of cluster.

    Attributes:
        files: The file names of its templates.
        next: The steps after filling in the files: shell commands, or actions of this program.
    """

    files: tuple[str, ...]
    next: tuple[str | Action, ...]


_SEARCH: Final = {"file": "my-search.toml", "address": "http://localhost:8265"}
_PUSH: Final = "docker build -t REGISTRY/tunesmith . && docker push REGISTRY/tunesmith"


def _by_launcher(file: str) -> ClusterKind:
    steps = (
        "(umask 077 && ray get-auth-token --generate >/dev/null)",
        Action("start cluster", {"file": file}),
        f"ray dashboard {file}",
        Action("submit search", _SEARCH),
    )
    return ClusterKind((file,), steps)


KINDS: Mapping[str, ClusterKind] = {
    "aws": _by_launcher("aws.yaml"),
    "gcp": _by_launcher("gcp.yaml"),
    "on-prem": _by_launcher("on-prem.yaml"),
    "kuberay": ClusterKind(
        ("kuberay.yaml", "kuberay-job.yaml", "Dockerfile"),
        (
            _PUSH,
            "kubectl apply -f kuberay.yaml",
            "kubectl port-forward service/tunesmith-head-svc 8265:8265",
            Action("submit search to home", {**_SEARCH, "home": "/shared/tunesmith"}),
        ),
    ),
    "slurm": ClusterKind(("slurm.sh",), ("sbatch slurm.sh my-search.toml",)),
    "docker": ClusterKind(("Dockerfile",), (_PUSH,)),
}
"""The kinds of clusters by name."""


def find_kind(name: str) -> ClusterKind:
    """Return the kind of cluster of a name in ``KINDS``; raise BadInputError for an unknown name."""
    if name not in KINDS:
        raise unknown("kind of cluster", name, KINDS)
    return KINDS[name]


def render(kind: ClusterKind) -> dict[str, str]:
    """Fill in a kind's templates.

    Args:
        kind: The kind.

    Returns:
        Each file's text by its name, including the list of packages that nodes install.
    """
    values = {
        "@PYTHON@": platform.python_version(),
        "@RAY@": public_version("ray"),
        "@TUNESMITH@": public_version("tunesmith"),
    }
    texts: dict[str, str] = {}
    for name in kind.files:
        text = files("cluster").joinpath("launch", name).read_text(encoding="utf-8")
        for placeholder, value in values.items():
            text = text.replace(placeholder, value)
        texts[name] = text
    comment = "# The packages that a node installs, in the versions of the machine that wrote this file.\n"
    return {**texts, REQUIREMENTS: comment + "\n".join(pins()) + "\n"}


def write(kind: ClusterKind, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a kind's files into a folder.

    Args:
        kind: The kind.
        folder: The folder; it is created if it does not exist.
        overwrite: Whether to replace existing files with a different text.

    Returns:
        The files.

    Raises:
        BadInputError: If a file exists with a different text and ``overwrite`` is false, or the folder is not
            writable.
    """
    texts = {folder / name: text for name, text in render(kind).items()}
    try:
        check_new(
            [path for path, text in texts.items() if path.exists() and path.read_bytes() != text.encode()],
            replace=overwrite,
        )
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
            if path.suffix == ".sh":
                path.chmod(0o755)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise BadInputError("the folder of launch files must be writable", f"{folder} is not ({reason})") from None
    return list(texts)


def unfilled_lines(path: Path) -> list[tuple[int, str]]:
    """Return the number and text of each line of a launch file that contains ``FILL_IN`` outside a comment."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if TO_FILL_IN in line.partition("#")[0]]
