"""The files speak of the project alone."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_file_names_a_place_on_somebodys_machine() -> None:
    place = re.compile(r"/(?:home|root|work|Users|opt)/|/tmp/\w")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    found: list[str] = []
    for name in listed.splitlines():
        path = ROOT / name
        if not path.is_file() or path.suffix in {".png", ".svg", ".mid"}:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        found += [f"{name}:{number}: {line}" for number, line in enumerate(lines, 1) if place.search(line)]
    assert found == []
