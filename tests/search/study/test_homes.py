"""Home folders near the current one that contain a search, and the error for a search that is not found."""

from pathlib import Path

from data_prep.errors import Action
from search.study.homes import nearby, no_search


def start(home: Path, name: str) -> Path:
    folder = home / "searches" / name
    folder.mkdir(parents=True)
    (folder / "search.toml").touch()
    return home


def test_searches_are_found_in_parents_siblings_and_children(tmp_path: Path) -> None:
    here = tmp_path / "work" / "one" / "runs"
    above = start(tmp_path / "runs", "jigs")
    other = start(tmp_path / "work" / "two" / "runs", "jigs")
    beside = start(tmp_path / "work" / "one" / "older", "jigs")
    below = start(tmp_path / "work" / "one" / "sub" / "runs", "jigs")
    start(here, "jigs")
    (tmp_path / "work" / "link").symlink_to(tmp_path / "work" / "two")
    start(tmp_path / "work" / "two" / "runs", "reels")
    homes = nearby(here, "jigs")
    assert {home.resolve() for home in homes} == {above, other, beside, below}
    assert len(homes) == 4, "a home is listed once, even with symbolic links to it"
    assert homes[0] == above
    assert [home.resolve() for home in nearby(here, "reels")] == [other]
    assert nearby(here, "../two") == nearby(here, "*") == []


def test_the_error_for_a_search_in_another_home_names_that_home(tmp_path: Path) -> None:
    other = start(tmp_path / "one" / "with tunes" / "runs", "jigs")
    error = no_search(tmp_path / "one" / "here" / "runs", "jigs", [])
    assert str(error).endswith(f"{other} has one; use that home folder")
    assert error.action == Action("use home", {"home": other})


def test_the_error_for_a_missing_search_names_the_home(tmp_path: Path) -> None:
    home = tmp_path / "some" / "where" / "runs"
    ending = f"{home} has none; choose another home folder, here or by TUNESMITH_HOME"
    assert str(no_search(home, "jigs", [])).endswith(ending)
    error = str(no_search(home, "jigs", ["jig"]))
    assert f"(in the home folder {home}; TUNESMITH_HOME names another); did you mean 'jig'?" in error
