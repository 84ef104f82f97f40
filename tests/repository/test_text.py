"""The files must not name places outside the project, and the files that the documents name must exist."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_no_file_names_a_path_outside_the_project_or_a_package_host() -> None:
    place = re.compile(r"/(?:home|root|work|Users|opt)/|/tmp/\w|pypi\.org|python[h]osted")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    matches: list[str] = []
    for name in listed.splitlines():
        path = ROOT / name
        if not path.is_file() or path.suffix in {".png", ".svg", ".mid"}:
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        matches += [f"{name}:{number}: {line}" for number, line in enumerate(lines, 1) if place.search(line)]
    assert matches == []


def test_every_file_that_the_documents_name_exists() -> None:
    quoted = re.compile(
        r"`((?:data_prep|models|search|cluster|tunesmith|tests|docs|benchmarks|\.ci)/[\w./-]*)`|\]\(([^):#]+)\)"
    )
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for in_quotes, linked in quoted.findall(path.read_text(encoding="utf-8")):
            place = ROOT / in_quotes if in_quotes else path.parent / linked
            assert place.exists(), f"{path.name} names {in_quotes or linked}"
