"""Which home a command means, and where a search may be that is not there."""

from pathlib import Path

from data_prep.errors import Action
from search.study.homes import nearby, no_search


def start(home: Path, name: str) -> Path:
    folder = home / "searches" / name
    folder.mkdir(parents=True)
    (folder / "search.toml").touch()
    return home


def test_searches_are_found_in_homes_above_beside_and_below(tmp_path: Path) -> None:
    here = tmp_path / "work" / "one" / "runs"
    above = start(tmp_path / "runs", "jigs")
    other = start(tmp_path / "work" / "two" / "runs", "jigs")
    beside = start(tmp_path / "work" / "one" / "older", "jigs")
    below = start(tmp_path / "work" / "one" / "sub" / "runs", "jigs")
    start(here, "jigs")
    (tmp_path / "work" / "link").symlink_to(tmp_path / "work" / "two")
    start(tmp_path / "work" / "two" / "runs", "reels")
    found = nearby(here, "jigs")
    assert {home.resolve() for home in found} == {above, other, beside, below}
    assert len(found) == 4, "a home is named once, whatever leads there"
    assert found[0] == above
    assert [home.resolve() for home in nearby(here, "reels")] == [other]
    assert nearby(here, "../two") == nearby(here, "*") == []


def test_a_search_that_is_elsewhere_is_named_by_its_home(tmp_path: Path) -> None:
    other = start(tmp_path / "one" / "with tunes" / "runs", "jigs")
    error = no_search(tmp_path / "one" / "here" / "runs", "jigs", [])
    assert str(error).endswith(f"{other} has one; use that home folder")
    assert error.action == Action("use home", {"home": other})


def test_a_search_that_is_nowhere_is_said_to_be_looked_for_in_the_home(tmp_path: Path) -> None:
    home = tmp_path / "some" / "where" / "runs"
    said = f"{home} has none; choose another home folder, here or by TUNESMITH_HOME"
    assert str(no_search(home, "jigs", [])).endswith(said)
    error = str(no_search(home, "jigs", ["jig"]))
    assert f"(in the home folder {home}; TUNESMITH_HOME names another); did you mean 'jig'?" in error
