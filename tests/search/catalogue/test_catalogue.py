"""Listing, deleting and renaming searches that are stored in every place that a search file can name."""

import shutil
from pathlib import Path

import optuna
import pytest

from data_prep.errors import Action, BadInputError
from data_prep.storage.urls import store_at
from models.families import FAMILIES
from search.catalogue.deletion import delete
from search.catalogue.listing import list_searches
from search.catalogue.renaming import rename
from search.promotion.registry import Registry
from search.study.database import folder, names, open_study, read_search
from search.tracking.client import default_uri
from search.trials.files import TrialFiles
from search.trials.storage import migrate_storage
from tests.object_store import object_store
from tests.ray_cluster import free_port
from tests.search.catalogue.stored_searches import TOY, make_search, mlflow, register, runs, save, toy

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # warnings of MLflow


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "toy", TOY)


@pytest.fixture
def home(tracked_home: Path) -> Path:
    return tracked_home


def quiet(text: str) -> None:
    pytest.fail(f"nothing is waited for: {text}")


def test_searches_are_listed_with_their_states(home: Path) -> None:
    assert list_searches(home / "none") == []
    make_search(home, "cut", (3.0, 2.5))
    make_search(home, "done", (3.0, 1.5), budget__trials=2)
    make_search(home, "new", ())
    (folder(home, "new") / "search.toml").write_text("[budget")
    with open_study(toy("now"), TOY, home, "f"):
        listed = {entry.name: entry for entry in list_searches(home)}
    states = {name: entry.state for name, entry in listed.items()}
    assert states == {"cut": "interrupted", "done": "finished", "new": "unreadable", "now": "running"}
    best = {name: entry.best.mean if entry.best else None for name, entry in listed.items()}
    assert best == {"cut": 2.5, "done": 1.5, "new": None, "now": None}
    assert "is not, " in listed["new"].problem
    for name, entry in listed.items():
        files = [path for path in folder(home, name).rglob("*") if path.is_file() and path.name != "driver.json"]
        assert entry.size_bytes >= sum(path.stat().st_size for path in files)
    assert [entry.latest for entry in listed.values()] == sorted((e.latest for e in listed.values()), reverse=True)


@pytest.mark.parametrize("where", ["home", "folder", "bucket"])
def test_a_deleted_search_leaves_nothing_and_others_lose_nothing(home: Path, tmp_path: Path, where: str) -> None:
    with object_store() as server:
        (tmp_path / "shared").mkdir()
        server.make_bucket("bucket")
        url = {"home": "", "folder": str(tmp_path / "shared"), "bucket": server.url("bucket/models")}[where]
        database = "" if where == "home" else f"sqlite:///{tmp_path}/studies.db"
        ids = {name: make_search(home, name, storage__url=url, study__url=database) for name in ("one", "two")}
        before = read_search(home, "two")
        register(home, ids["one"], "one", champion=False)
        deleted = delete(home, "one", quiet)
        assert (deleted.num_runs, deleted.left) == (4, None)
        assert names(home) == ["two"]
        assert sorted(path.name for path in (home / "searches").iterdir()) == ["two"]
        assert read_search(home, "two") == before
        assert set(runs(home, ids["one"])) == {"one/1 promoted"}, "a registered model refers to it"
        assert set(runs(home, ids["one"], 2)) == {"one", "one/0", "one/1", "one/2"}
        assert len(runs(home, ids["two"])) == 4
        if url:
            for name, count in (("one", 0), ("two", 3)):
                files = TrialFiles(store_at(url).below(f"{name}-{ids[name][:8]}"))
                assert len(files.states()) == len(files.place.names("models")) == count
        if database:
            assert optuna.get_all_study_names(database) == ["two"]
        again = make_search(home, "one", storage__url=url, study__url=database)
        assert again != ids["one"]


def test_a_deletion_that_failed_or_was_killed_is_repeated(home: Path, tmp_path: Path) -> None:
    shared, database = tmp_path / "shared", f"sqlite:///{tmp_path}/studies.db"
    shared.mkdir()
    make_search(home, "one", storage__url=str(shared), study__url=database)
    shared.rename(tmp_path / "unmounted")
    with pytest.raises(BadInputError, match="there is no such folder here"):
        delete(home, "one", quiet)
    assert names(home) == ["one"]
    (tmp_path / "unmounted").rename(shared)
    optuna.delete_study(study_name="one", storage=database)  # as if it was killed just after this step
    (home / "searches" / ".deleted-earlier-1").mkdir()
    assert delete(home, "one", quiet).left is None
    assert list((home / "searches").iterdir()) == []
    assert optuna.get_all_study_names(database) == []


def test_a_search_that_runs_is_neither_deleted_nor_renamed(home: Path) -> None:
    with open_study(toy("busy"), TOY, home, "f"):
        with pytest.raises(BadInputError, match=r"can be deleted only while no .*: busy is in use .process \d+"):
            delete(home, "busy", quiet)
        with pytest.raises(BadInputError, match=r"can be renamed only while no .*; stop that process with Ctrl-C"):
            rename(home, "busy", "calm", quiet)
    assert names(home) == ["busy"]


def test_the_search_of_the_champion_is_not_deleted(home: Path) -> None:
    study = make_search(home, "one")
    register(home, study, "one", champion=True)
    with pytest.raises(BadInputError, match="toy@1 was made from one/1; promote another search first") as caught:
        delete(home, "one", quiet)
    assert caught.value.action == Action("roll back", {"family": "toy"})
    assert len(runs(home, study)) == 5
    mlflow(home).delete_registered_model_alias("tunesmith-toy", "champion")
    delete(home, "one", quiet)
    assert names(home) == []


def test_nothing_is_deleted_or_renamed_while_mlflow_does_not_answer(home: Path) -> None:
    make_search(home, "one")
    file = folder(home, "one") / "search.toml"
    uri = f"http://127.0.0.1:{free_port()}"
    file.write_text(file.read_text().replace('uri = ""', f'uri = "{uri}"'))
    with pytest.raises(BadInputError, match="the tracking server must answer"):
        delete(home, "one", quiet)
    with pytest.raises(BadInputError, match="the tracking server must answer"):
        rename(home, "one", "two", quiet)
    assert names(home) == ["one"]
    assert len(read_search(home, "one").trials) == 3


def test_a_renamed_search_resumes_with_its_trials_and_files(home: Path, tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    url = str(tmp_path / "shared")
    study = make_search(home, "old", storage__url=url)
    register(home, study, "old", champion=True)
    before = read_search(home, "old")
    rename(home, "old", "new", quiet)
    assert names(home) == ["new"]
    after = read_search(home, "new")
    assert (after.trials, after.study, after.spec.name) == (before.trials, study, "new")
    assert set(runs(home, study)) == {"new", "new/0", "new/1", "new/2", "new/1 promoted"}
    parent = runs(home, study)["new"].data.tags
    assert (parent["search"], parent["winner"]) == ("new", "new/1")
    assert parent["mlflow.note.content"].startswith("Best trial: **new/1**")
    champion = Registry(default_uri(home), home).champion("toy")
    assert champion is not None
    assert champion.source == "new/1"
    make_search(home, "old", storage__url=url)  # the old name is free
    search = toy("new", storage__url=url, budget__trials=20)
    with open_study(search, TOY, home, "f") as resumed:
        files = migrate_storage(resumed, search, home)
        assert files.messages == ()
        assert files.files.states() == {0, 1, 2}
        assert [trial.number for trial in resumed.records()] == [0, 1, 2]
        save(files.files, 3)
    assert read_search(home, "new").spec.budget.trials == 20
    rename(home, "new", "newer", quiet)
    assert set(runs(home, study)) == {"newer", "newer/0", "newer/1", "newer/2", "newer/1 promoted"}
    delete(home, "old", quiet)
    assert read_search(home, "newer").trials == before.trials


def test_the_name_of_a_search_is_that_of_its_folder(home: Path) -> None:
    """A rename that is killed after its last step but one leaves this."""
    study = make_search(home, "old")
    folder(home, "old").rename(folder(home, "new"))
    assert read_search(home, "new").spec.name == "new"
    with open_study(toy("new"), TOY, home, "f") as resumed:
        assert resumed.id == study
    assert 'name = "new"' in (folder(home, "new") / "search.toml").read_text()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("one", "two", "a new name must not be in use: there is .*/searches/two; choose another"),
        ("one", "one", "a new name must not be in use"),
        ("one", "../three", "a search's name is 1 to 64 letters"),
        ("none", "three", "no search is called 'none'"),
        ("stored", "three", "the study of stored is in sqlite:///.* .Optuna finds a study there by its name"),
    ],
)
def test_an_impossible_name_is_refused(home: Path, tmp_path: Path, old: str, new: str, message: str) -> None:
    for name in ("one", "two"):
        with open_study(toy(name), TOY, home, "f"):
            pass
    with open_study(toy("stored", study__url=f"sqlite:///{tmp_path}/s.db"), TOY, home, "f"):
        pass
    with pytest.raises(BadInputError, match=message):
        rename(home, old, new, quiet)
    assert names(home) == ["one", "stored", "two"]
    shutil.rmtree(home / "searches")
