"""The search that a command line names."""

from pathlib import Path

import pytest

from search.spec.file import load
from search.study.database import folder
from tunesmith.searching.chosen import chosen_search, overrides


@pytest.fixture
def before_copying(tmp_path: Path) -> Path:
    """The file of a search that was started before composers had experts that copy."""
    path = folder(tmp_path, "old") / "search.toml"
    path.parent.mkdir(parents=True)
    lines = load("composer", overrides={"name": "old"}).to_toml().splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(("copying", "initial"))))
    return path


@pytest.mark.usefixtures("before_copying")
def test_a_search_that_was_started_before_a_setting_existed_resumes_without_it(tmp_path: Path) -> None:
    started = chosen_search("old", tmp_path, {"budget.trials": 99})
    assert started.budget.trials == 99
    assert started.space.values({})["copying"] == "off"
    assert not {name for name in started.space.searched if name.startswith("copying")}
    assert chosen_search("old", tmp_path, {"space.copying": "match"}).space.values({})["copying"] == "match"


def test_its_file_starts_a_new_search_with_the_present_defaults(before_copying: Path, tmp_path: Path) -> None:
    new_search = chosen_search(str(before_copying), tmp_path, {"name": "new"})
    assert new_search.space.values({})["copying"] == "match+bars"


def test_the_searches_of_a_warm_start_replace_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[warm_start]\nsearches = ["first"]\npoints = 3\n')

    def sources(*named: str) -> tuple[str, ...]:
        return chosen_search(str(path), tmp_path, overrides({"warm_start": list(named)})).warm_start.sources

    assert sources() == ("first",)
    assert sources("composer", "jazz", "composer") == ("composer", "jazz")
    assert sources("") == ()
    assert chosen_search("composer", tmp_path, {}).warm_start.sources == ()
