"""The launch files: templates for each kind of cluster, filled in with the versions that are installed here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from cluster.pins import pins, public_version, python_version
from data_prep.errors import BadInputError, unknown
from data_prep.storage.user_files import check_new

TO_FILL_IN = "FILL_IN"
"""The word that stands in a launch file where only its user knows what to write."""

REQUIREMENTS = "requirements.txt"
"""The file beside a launch file that says what nodes install."""


@dataclass(frozen=True)
class Kind:
    """A kind of cluster.

    Attributes:
        files: Its templates.
        next: Commands to type once its files are filled in.
    """

    files: tuple[str, ...]
    next: tuple[str, ...]


def _by_launcher(file: str) -> tuple[str, ...]:
    return (
        "(umask 077 && ray get-auth-token --generate >/dev/null)",
        f"tunesmith cluster up {file}",
        f"ray dashboard {file}",
        "tunesmith cluster submit my-search.toml --address http://localhost:8265",
    )


KINDS: Mapping[str, Kind] = {
    "aws": Kind(("aws.yaml",), _by_launcher("aws.yaml")),
    "gcp": Kind(("gcp.yaml",), _by_launcher("gcp.yaml")),
    "on-prem": Kind(("on-prem.yaml",), _by_launcher("on-prem.yaml")),
    "kuberay": Kind(
        ("kuberay.yaml", "kuberay-job.yaml", "Dockerfile"),
        (
            "docker build -t REGISTRY/tunesmith . && docker push REGISTRY/tunesmith",
            "kubectl apply -f kuberay.yaml",
            "kubectl port-forward service/tunesmith-head-svc 8265:8265",
            "tunesmith cluster submit my-search.toml --address http://localhost:8265 --home /shared/tunesmith",
        ),
    ),
    "slurm": Kind(("slurm.sh",), ("sbatch slurm.sh my-search.toml",)),
    "docker": Kind(("Dockerfile",), ("docker build -t REGISTRY/tunesmith . && docker push REGISTRY/tunesmith",)),
}
"""What there is, by name."""


def find_kind(name: str) -> Kind:
    """Find a kind of cluster by its name.

    Args:
        name: One of ``KINDS``.

    Returns:
        The kind.

    Raises:
        BadInputError: If there is none of that name.
    """
    if name not in KINDS:
        raise unknown("kind of cluster", name, KINDS)
    return KINDS[name]


def render(kind: Kind) -> dict[str, str]:
    """Fill in a kind's templates.

    Args:
        kind: The kind.

    Returns:
        Each file's text by its name, what nodes install among them.
    """
    known = {
        "@PYTHON@": python_version(),
        "@RAY@": public_version("ray"),
        "@TUNESMITH@": public_version("tunesmith"),
    }
    texts: dict[str, str] = {}
    for name in kind.files:
        text = files("cluster").joinpath("launch", name).read_text(encoding="utf-8")
        for mark, value in known.items():
            text = text.replace(mark, value)
        texts[name] = text
    about = "# What a node installs: tunesmith's packages with the versions of the machine that wrote this file.\n"
    return {**texts, REQUIREMENTS: about + "\n".join(pins()) + "\n"}


def write(kind: Kind, folder: Path, *, overwrite: bool = False) -> list[Path]:
    """Write a kind's files into a folder; what stands there already as it would be written is left alone.

    Args:
        kind: The kind.
        folder: Where; it is made if it is not there.
        overwrite: Whether files that are there are replaced.

    Returns:
        The files.

    Raises:
        BadInputError: If one of them is there already with another text, or the folder cannot be written to.
    """
    texts = render(kind)
    paths = {name: folder / name for name in texts}
    try:
        other = [path for name, path in paths.items() if path.exists() and path.read_bytes() != texts[name].encode()]
        check_new(other, replace=overwrite)
        folder.mkdir(parents=True, exist_ok=True)
        for name, path in paths.items():
            path.write_text(texts[name], encoding="utf-8")
            if path.suffix == ".sh":
                path.chmod(0o755)
    except OSError as error:
        reason = error.strerror or os.strerror(error.errno or 0)
        raise BadInputError(f"launch files go into a folder that can be written to: {folder} ({reason})") from None
    return list(paths.values())


def open_places(path: Path) -> list[tuple[int, str]]:
    """Find what is still to be filled in.

    Args:
        path: A launch file.

    Returns:
        The number and text of each such line; what a comment says does not count.
    """
    lines = path.read_text(encoding="utf-8").splitlines()
    return [(number, line.strip()) for number, line in enumerate(lines, 1) if TO_FILL_IN in line.partition("#")[0]]
