import shutil
from pathlib import Path

import pytest
from toy_family import TOY_SEARCH

from data_prep.errors import BadInputError
from models.families import family as find_family
from search.spec.file import load
from search.study.database import folder, open_study, read_search, write_search
from search.warm_start.choice import Choice, choose
from tests.postgres_server import PASSWORD
from tests.search.warm_start.sources import NO_PRIOR, TOY, make_source, queued, toy

SLOW = {"solver": "gradient", "lr": 0.01, "columns": 2}
FAST = {"solver": "momentum", "momentum": 0.8, "lr": 0.4, "columns": 8}
MIDDLE = {"solver": "gradient", "lr": 0.05, "columns": 4}


def chosen(home: Path, *names: str, **changes: object) -> Choice:
    choice = choose(toy("new", warm_start__searches=list(names), **changes), home, TOY)
    assert choice is not None
    return choice


SLOWLY = pytest.mark.slow  # databases are slow to make


@pytest.fixture(params=["journal", pytest.param("sqlite", marks=SLOWLY), pytest.param("postgresql", marks=SLOWLY)])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the study of the first source is: "" is its folder."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)  # a stored search has no password
    if request.param == "postgresql":
        return request.getfixturevalue("database")
    return "" if request.param == "journal" else f"sqlite:///{tmp_path / 'study.db'}"


def test_the_points_of_several_searches_are_stored_and_queued_after_those_of_the_file(home: Path, place: str) -> None:
    make_source(home, "one", SLOW, MIDDLE, study__url=place, budget__trials=3)
    make_source(home, "two", FAST, data__corpus="ryans", budget__trials=2)
    new = toy("new", TOY_SEARCH, warm_start__searches=["one", "two"])
    choice = choose(new, home, TOY)
    assert choice is not None
    assert choice.lines == ("warm start: 3 points of one and two (all that differ)",)
    assert [point.trial for point in choice.taken.points] == ["one/0", "two/0", "one/1"]
    with open_study(new, TOY, home, "f", taken=choice.taken) as study:
        assert queued(study.optuna) == [dict(new.prior[0]), SLOW, FAST, MIDDLE]
        assert study.warm_points == (SLOW, FAST, MIDDLE)


@pytest.mark.parametrize("url", ["", pytest.param("sqlite:///{}/new.db", marks=SLOWLY)])
def test_a_resumed_search_has_its_points_without_the_other_searches(home: Path, tmp_path: Path, url: str) -> None:
    make_source(home, "one", SLOW, FAST)
    new = toy("new", warm_start__searches=["one"], study__url=url.format(tmp_path), budget__trials=1)
    choice = choose(new, home, TOY)
    assert choice is not None
    with open_study(new, TOY, home, "f", taken=choice.taken) as study:
        assert queued(study.optuna) == [SLOW], "no more than the trials of the budget"
    shutil.rmtree(folder(home, "one"))
    assert choose(new, home, TOY) is None
    larger = new.model_copy(update={"budget": new.budget.model_copy(update={"trials": 9})})
    with open_study(larger, TOY, home, "f") as study:
        assert queued(study.optuna) == [SLOW, FAST]
    without = toy("new", study__url=new.study.url)
    assert choose(without, home, TOY) is None
    with open_study(without, TOY, home, "f") as study:
        assert queued(study.optuna) == [SLOW, FAST], "they are not queued again"


def test_a_search_that_was_started_takes_no_points_of_others(home: Path) -> None:
    make_source(home, "one", SLOW)
    make_source(home, "two", SLOW)
    message = r"at the first start of a search: one was started without one .*another name"
    for name in ("one", "two"):
        with pytest.raises(BadInputError, match=message):
            choose(toy("one", warm_start__searches=[name]), home, TOY)
    new = toy("new", warm_start__searches=["one"])
    with open_study(new, TOY, home, "f", taken=chosen(home, "one").taken):
        pass
    with pytest.raises(BadInputError, match="new was started with those of one"):
        choose(toy("new", warm_start__searches=["two"]), home, TOY)


def test_no_search_and_no_points_switch_it_off(home: Path) -> None:
    assert choose(toy("new"), home, TOY) is None
    assert choose(toy("new", warm_start__searches=["none"], warm_start__points=0), home, TOY) is None


def test_a_search_that_is_named_twice_is_taken_once(home: Path) -> None:
    make_source(home, "one", SLOW, FAST)
    assert chosen(home, "one", "one").taken == chosen(home, "one").taken


def test_the_number_of_points_is_that_of_the_file(home: Path) -> None:
    points = [{"solver": "gradient", "lr": 0.1 + n / 100, "columns": 1} for n in range(12)]
    make_source(home, "one", *points, budget__trials=13)
    assert chosen(home, "one").lines == ("warm start: 5 points of one",)
    assert chosen(home, "one", warm_start__points=1).lines == ("warm start: 1 point of one",)
    ten = chosen(home, "one", warm_start__points=20)
    assert len(ten.taken.points) == 10, "the ten best are candidates"
    assert [point.trial for point in ten.taken.points][:2] == ["one/0", "one/9"]


def test_points_of_the_file_are_not_taken_again(home: Path) -> None:
    make_source(home, "one", SLOW, FAST)
    prior = "".join(f"[[prior]]\nsolver = 'gradient'\nlr = {lr}\ncolumns = 2\n" for lr in (0.01, 0.02))
    new = toy("new", NO_PRIOR + prior, warm_start__searches=["one"])
    choice = choose(new, home, TOY)
    assert choice is not None
    assert [point.trial for point in choice.taken.points] == ["one/1"]
    make_source(home, "two", SLOW)
    choice = choose(toy("new", NO_PRIOR + prior, warm_start__searches=["two"]), home, TOY)
    assert choice is not None
    (line,) = choice.lines
    assert "0 points of two (each is one of [[prior]], or has none of the searched settings; two is unf" in line


def test_a_setting_that_the_source_fixed_is_taken_from_its_value(home: Path) -> None:
    make_source(home, "one", {"lr": 0.2, "columns": 3}, space__solver="gradient", budget__trials=2)
    (point,) = chosen(home, "one").taken.points
    assert point.values == {"solver": "gradient", "lr": 0.2, "columns": 3}


def test_what_does_not_fit_is_said_once_for_each_setting(home: Path) -> None:
    make_source(home, "one", SLOW, FAST, MIDDLE, budget__trials=4)
    choice = chosen(home, "one", space__columns={"low": 5, "high": 6}, space__lr=0.2)
    assert choice.lines == (
        "warm start: 2 points of one (all that differ)",
        "  lr = 0.01 of one/0 is not searched: 0.2 is used; likewise in 1 other point",
        "  columns = 2 of one/0 is outside 5 to 6: 5 is used; likewise in 1 other point",
    )
    assert [point.values for point in choice.taken.points] == [
        {"solver": "gradient", "columns": 5},
        {"solver": "momentum", "momentum": 0.8, "columns": 6},
    ]


def test_an_unfinished_search_is_used_and_said_to_be_unfinished(home: Path) -> None:
    make_source(home, "one", SLOW)
    make_source(home, "two", FAST)
    with open_study(toy("two"), TOY, home, "f"):
        assert chosen(home, "one", "two", warm_start__points=2).lines == (
            "warm start: 2 points of one and two (one and two are unfinished)",
        )


def test_a_plan_reads_no_study_of_a_new_search(home: Path, tmp_path: Path) -> None:
    make_source(home, "one", SLOW)
    new = toy("new", warm_start__searches=["one"], study__url=f"sqlite:///{tmp_path}/new.db")
    assert choose(new, home, TOY, is_plan=True) == choose(toy("new", warm_start__searches=["one"]), home, TOY)
    assert not (tmp_path / "new.db").exists()


def test_a_search_that_does_not_exist_is_refused_with_a_name_near_it(home: Path) -> None:
    make_source(home, "first", SLOW)
    with pytest.raises(BadInputError, match=r"no search is called 'frist' .*did you mean 'first'"):
        chosen(home, "first", "frist")
    with pytest.raises(BadInputError, match=r"a search's name is .*got '\.\./first' \(\[warm_start\]\)"):
        chosen(home, "../first")


def test_a_search_is_not_its_own_source(home: Path) -> None:
    with pytest.raises(BadInputError, match=r"points of other searches: new is its own name \(\[warm_start\]\); leave"):
        chosen(home, "new")


def test_a_search_of_another_family_is_refused(home: Path) -> None:
    with open_study(load("stylenet", overrides={"name": "loud"}), find_family("stylenet"), home, "f"):
        pass
    new = load("composer", overrides={"name": "new", "warm_start.searches": ["loud"]})
    with pytest.raises(BadInputError, match=r"own family: loud is one of stylenet, and new of composer .*leave it out"):
        choose(new, home)


def test_a_search_without_a_full_trial_is_refused(home: Path) -> None:
    make_source(home, "one", SLOW)
    make_source(home, "cut")
    assert [trial.state for trial in read_search(home, "cut", TOY).trials] == ["PRUNED"]
    with pytest.raises(BadInputError, match=r"trials with the full budget: cut has none yet .*leave it out, or let it"):
        chosen(home, "one", "cut")


def test_a_search_whose_database_is_down_is_refused(home: Path) -> None:
    place = folder(home, "far")
    place.mkdir(parents=True)
    write_search(toy("far", study__url="postgresql+psycopg://me@127.0.0.1:9/studies"), place)
    with pytest.raises(BadInputError, match=r"study of far must be reachable for .*127\.0\.0\.1:9.*refused.*leave it"):
        chosen(home, "far")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"warm_start__points": -1}, "warm_start.points = -1 is not legal"),
        ({"warm_start__points": 101}, "warm_start.points = 101 is not legal: should be less than or equal to 100"),
        ({"warm_start__searches": "one"}, "warm_start.searches = 'one' is not legal: it is a list of names"),
        ({"warm_start__searches": [1]}, "warm_start.searches = .1. is not legal: should be a valid string"),
        ({"warm_start__searches": ["one"] * 101}, "warm_start.searches = .*--warm-start"),
        ({"warm_start__seraches": ["one"]}, "no key is called 'seraches'.*did you mean 'searches'"),
    ],
)
def test_an_illegal_table_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        toy("new", **changes)


def test_the_sampler_of_points_takes_no_others() -> None:
    text = 'name = "new"\n[sampler]\nkind = "points"\n[[prior]]\nlr = 0.1\n[space]\nlr = [0.1, 0.2]\n[warm_start]\n'
    assert toy("new", text).sampler.kind == "points"
    with pytest.raises(BadInputError, match=r"only the points of \[\[prior\]\]: .*from one .*toy.toml line 9"):
        toy("new", f"{text}searches = ['one']\n")
