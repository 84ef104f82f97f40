"""Checks of requests against the search that they change."""

from typing import Any

import pytest
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from search.control.checks import changed_budget, checked_point
from search.control.requests import Answer, ChangeBudget
from search.spec.file import SearchSpec, parse

TOY = ToyFamily()


def toy(text: str = TOY_SEARCH, **changes: object) -> SearchSpec:
    return parse(text, "toy.toml", family=TOY, overrides={k.replace("__", "."): v for k, v in changes.items()})


def test_a_budget_changes_only_where_it_is_asked_to() -> None:
    search = toy(budget__time="1h")
    assert changed_budget(search, ChangeBudget(trials=80)) == search.budget.model_copy(update={"trials": 80})
    assert changed_budget(search, ChangeBudget(time="2h")).time == 7200
    assert changed_budget(search, ChangeBudget(time="none")).time is None


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (ChangeBudget(trials=0), "a budget must be legal: .*'trials': 0.* .Input should be greater"),
        (ChangeBudget(time="soon"), "a budget must be legal: .*'soon'.*a time is written like"),
        (ChangeBudget(trials=10**9), "a budget must be legal"),
    ],
)
def test_an_illegal_budget_is_refused(request_: ChangeBudget, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        changed_budget(toy(), request_)


def test_a_grid_has_no_more_trials_than_points() -> None:
    text = TOY_SEARCH.replace("[sampler]\nstartup = 4", '[sampler]\nkind = "grid"').partition("[[prior]]")[0]
    grid = toy(text, space__momentum=0.5, space__lr=[0.01, 0.1], space__columns=2, budget__trials=2)
    with pytest.raises(BadInputError, match="a grid search has at most one trial per point"):
        changed_budget(grid, ChangeBudget(trials=100))


def test_a_point_has_searched_settings_of_the_right_type() -> None:
    assert checked_point(toy(), {"columns": 3.0, "lr": 0.1}) == {"columns": 3, "lr": 0.1}
    assert checked_point(toy(), {"momentum": 0.5, "pause": 0.0}) == {"momentum": 0.5}, "pause is fixed at 0"
    assert checked_point(toy(), {"solver": "momentum", "momentum": 0.5})["momentum"] == 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "a point has at least one setting"),
        ({"lr": 2.0}, r"the search has lr = \{ low = 0.001, high = 0.5, log = true \}: got 2.0 \(--add\)"),
        ({"columns": 2.5}, r"the search has columns = \{ low = 1, high = 8 \}: got 2.5"),
        ({"columns": True}, "the search has columns = "),
        ({"lr": float("nan")}, "got nan"),
        ({"solver": "newton"}, r'the search has solver = \["gradient", "momentum"\]: got .newton.'),
        ({"pause": 1.0}, "the search has pause = 0.0: got 1.0"),
        ({"pause": 0.0}, "at least one searched setting: all of pause are fixed"),
        ({"colums": 2}, "no setting is called 'colums' .*did you mean 'columns'"),
        ({"epochs": 3}, "no setting is called 'epochs'"),
        (
            {"solver": "gradient", "momentum": 0.5},
            "momentum = 0.5 changes nothing in this point: it needs solver = mom",
        ),
    ],
)
def test_a_point_that_the_search_could_not_try_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        checked_point(toy(), values)


def test_a_search_of_given_points_takes_no_others() -> None:
    points = TOY_SEARCH.replace("[sampler]\nstartup = 4", '[sampler]\nkind = "points"')
    text = points + "columns = 2\n"
    with pytest.raises(BadInputError, match='the sampler "points" tries only the points of the search file'):
        checked_point(toy(text), {"lr": 0.2})


def test_a_refusal_keeps_the_parts_of_the_error() -> None:
    error = BadInputError("a rule", "got 1", "there", "do that")
    with pytest.raises(BadInputError) as caught:
        Answer.model_validate_json(Answer.refusal(error).model_dump_json()).raise_refusal()
    assert str(caught.value) == str(error)
    Answer(text="done").raise_refusal()
