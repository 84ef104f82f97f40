"""A driver that dies at any step of the first start: the next start has the same points, each queued once."""

import shutil
import subprocess
import sys
from pathlib import Path

from search.study.database import folder, is_started, open_study, study_attributes
from search.study.records import WARM_START_KEY
from search.warm_start.choice import choose
from tests.search.programs import environment
from tests.search.warm_start.sources import TOY, make_source, queued, toy
from tests.search.warm_start.test_choice import FAST, MIDDLE, SLOW


def test_a_driver_that_dies_at_any_step_of_its_first_start_leaves_its_points(tmp_path: Path) -> None:
    make_source(tmp_path, "one", SLOW, FAST, MIDDLE)
    script = Path(__file__).with_name("dying_start.py")
    done = subprocess.run([sys.executable, script, tmp_path], env=environment(), capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    new = toy("new", warm_start__searches=["one"])
    stages: list[tuple[bool, bool, int]] = []
    for home in sorted((path for path in tmp_path.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name)):
        attributes = study_attributes(new, home)
        has_points = WARM_START_KEY in attributes
        stages.append((has_points, is_started(attributes), num_queued(home)))
        if has_points:
            shutil.rmtree(folder(home, "one"))  # it is not read again
        choice = choose(new, home, TOY)
        assert (choice is None) == has_points
        with open_study(new, TOY, home, "f", taken=choice.taken if choice else None) as study:
            assert queued(study.optuna) == [SLOW, FAST, MIDDLE], home.name
    assert stages == sorted(stages)
    assert {(False, False, 0), (True, False, 0), *((True, True, count) for count in range(4))} == {*stages}


def num_queued(home: Path) -> int:
    """Return how many points of the new search wait, from its journal."""
    journal = folder(home, "new") / "study.journal"
    return journal.read_text().count('"fixed_params"') if journal.exists() else 0
