import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cluster.node_software import Environment, differences, faults, refuse, this_environment
from cluster.nodes import Node
from data_prep.errors import BadInputError

ROOT = Path(__file__).parents[2]
HERE = Environment(
    "laptop",
    "3.11.7",
    "2.13.0+cpu",
    "2.60.0",
    "2.4.6",
    "0.1.0",
    {"models": "1", "search": "2"},
    {"models": "/a/models"},
)


def test_the_environment_is_read_without_importing_large_libraries() -> None:
    script = (
        "import sys; from cluster.node_software import this_environment; here = this_environment(); "
        "print(here.torch, *(name in sys.modules for name in ('torch', 'ray', 'numpy', 'search', 'tunesmith')))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    version, *imported = done.stdout.split()
    assert imported == ["False"] * 5
    assert version.startswith("2.")
    here = this_environment()
    assert {name: Path(folder) for name, folder in here.folders.items()} == {name: ROOT / name for name in here.code}
    assert len(set(here.code.values())) == 5


def test_the_digest_depends_on_every_byte_of_our_code(tmp_path: Path) -> None:
    script = "from cluster.node_software import this_environment; print(this_environment().code['search'])"

    def digest() -> str:
        return subprocess.run(
            [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    for package in ("cluster", "data_prep", "models", "search"):
        (tmp_path / package).mkdir()
        for path in (ROOT / package).rglob("*.py"):
            copy = tmp_path / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    first = digest()
    assert digest() == first  # compiled files do not count
    with (tmp_path / "search" / "driver" / "rungs.py").open("a") as file:
        file.write("\n")
    assert digest() != first


@pytest.mark.parametrize(
    ("other", "clauses"),
    [
        ({}, []),
        ({"hostname": "gpu-7", "python": "3.11.9", "torch": "2.13.0+cu126", "numpy": "2.4.1"}, []),
        ({"tunesmith": "none"}, []),
        ({"python": "3.12.1"}, ["Python 3.12.1 where this program has 3.11.7"]),
        ({"ray": "2.59.0"}, ["Ray 2.59.0 where this program has 2.60.0"]),
        ({"torch": "2.12.0"}, ["torch 2.12.0 where this program has 2.13.0+cpu"]),
        ({"torch": "none"}, ["torch none where this program has 2.13.0+cpu"]),
        (
            {"code": {"models": "9"}, "folders": {"models": "/other/models"}, "numpy": "1.26.0", "tunesmith": "0.2.0"},
            [
                "numpy 1.26.0 where this program has 2.4.6",
                (
                    "other code in packages of our names (models in /other/models, search in no folder; "
                    "tunesmith 0.2.0 is installed)"
                ),
            ],
        ),
    ],
)
def test_relevant_differences_are_listed(other: dict[str, Any], clauses: list[str]) -> None:
    assert list(differences(HERE, replace(HERE, **other))) == clauses


def test_all_unusable_nodes_are_listed_in_one_line() -> None:
    here = this_environment()
    nodes = [Node(str(number), f"10.0.0.{number}", 1, 0) for number in range(1, 5)]
    wrong = faults(
        {
            nodes[0]: here,
            nodes[1]: replace(here, torch="1.0.0"),
            nodes[2]: replace(here, python="3.9.1"),
            nodes[3]: BadInputError("every node must answer", "10.0.0.4 did not within 60 s"),
        }
    )
    assert list(wrong) == nodes[1:]
    with pytest.raises(BadInputError) as caught:
        refuse(wrong)
    line = str(caught.value)
    assert "10.0.0.1" not in line
    assert f": 10.0.0.2 has torch 1.0.0 where this program has {here.torch}; 10.0.0.3 has Python 3.9.1" in line
    assert "; 10.0.0.4 did not within 60 s; install this machine's environment" in line
    assert "\n" not in line
    refuse({})
