import pytest
from toy_family import ToySpec

from models.spec import Value
from search.spec.space import Space, make_space
from search.warm_start.mapping import mapped

FULL: dict[str, Value] = {"solver": "momentum", "momentum": 0.9, "lr": 0.3, "columns": 8, "pause": 0.0, "epochs": 9}


def space(**entries: object) -> Space:
    return make_space(ToySpec, {"epochs": 27, **entries}, place=lambda _: "", written=frozenset())


def lines(values: dict[str, Value], **entries: object) -> list[str]:
    target = space(**entries)
    return [misfit.in_words("toys/3", target) for misfit in mapped(values, target)[1]]


def test_values_inside_the_space_are_kept_and_settings_that_are_not_searched_are_dropped() -> None:
    target = space(solver=["gradient", "momentum"], momentum={"low": 0.1, "high": 0.9}, columns=8)
    assert mapped(FULL, target) == ({"solver": "momentum", "momentum": 0.9}, lines_of_lr(target))


def lines_of_lr(target: Space) -> list[object]:
    (misfit,) = mapped({"lr": 0.3}, target)[1]
    assert misfit.in_words("toys/3", target) == "lr = 0.3 of toys/3 is not searched: 0.1 is used"
    return [misfit]


@pytest.mark.parametrize(
    ("value", "entry", "used"),
    [
        (8, {"low": 1, "high": 6}, 6),
        (1, {"low": 2, "high": 6}, 2),
        (6, {"low": 1, "high": 8, "step": 3}, 7),
        (8, {"low": 1, "high": 7, "step": 3}, 7),
        (7, {"low": 1, "high": 8, "step": 4}, 5),  # equally near: the lower one; 9 is not in the range
        (8, {"low": 1, "high": 6, "log": True}, 6),
        (5, [2, 4, 8], 4),
        (6, [4, 8], 4),
    ],
)
def test_a_whole_number_becomes_the_nearest_of_its_domain(value: int, entry: object, used: int) -> None:
    target = space(columns=entry)
    point, misfits = mapped({"columns": value}, target)
    assert point == {"columns": used}
    assert type(point["columns"]) is int
    assert [(each.setting, each.value, each.used) for each in misfits] == [("columns", value, used)]


@pytest.mark.parametrize(
    ("value", "entry", "used"),
    [
        (3.0, {"low": 0.1, "high": 0.5}, 0.5),
        (1e-4, {"low": 1e-3, "high": 0.5, "log": True}, 1e-3),
        (0.29, {"low": 0.1, "high": 0.7, "step": 0.1}, 0.3),
        (9.0, {"low": 0.1, "high": 0.75, "step": 0.1}, 0.7),
        (1.0, [0.1, 0.5], 0.5),
    ],
)
def test_a_real_number_becomes_the_nearest_of_its_domain(value: float, entry: object, used: float) -> None:
    target = space(lr=entry)
    point, misfits = mapped({"lr": value}, target)
    assert point == {"lr": used}
    assert point["lr"] in target.domains["lr"]
    assert len(misfits) == 1


def test_a_category_that_is_not_in_the_space_is_left_out_with_what_depends_on_it() -> None:
    entries = {"trouble": ["value", "disk"], "solver": ["gradient", "momentum"], "momentum": {"low": 0.1, "high": 0.9}}
    values: dict[str, Value] = {"solver": "newton", "momentum": 0.5, "trouble": "none"}
    assert mapped(values, space(**entries))[0] == {}
    assert lines(values, **entries) == [
        'solver = "newton" of toys/3 is not one of "gradient", "momentum": it is sampled',
        'trouble = "none" of toys/3 is not one of "value", "disk": it is sampled',
    ]


def test_a_setting_that_does_not_matter_under_the_fixed_values_is_left_out() -> None:
    entries = {"solver": "gradient", "lr": [0.1, 0.3]}
    assert mapped(FULL, space(**entries))[0] == {"lr": 0.3}
    assert lines(FULL, **entries) == [
        'solver = "momentum" of toys/3 is not searched: "gradient" is used',
        "columns = 8 of toys/3 is not searched: 4 is used",
    ]


def test_what_did_not_fit_is_said_with_the_reason() -> None:
    assert lines({"lr": 3.0}, lr={"low": 0.001, "high": 0.5}) == [
        "lr = 3 of toys/3 is outside 0.001 to 0.5: 0.5 is used"
    ]
    assert lines({"columns": 6}, columns={"low": 1, "high": 8, "step": 3}) == [
        "columns = 6 of toys/3 is not in steps of 3 from 1: 7 is used"
    ]
    assert lines({"columns": 5}, columns=[2, 4]) == ["columns = 5 of toys/3 is not one of 2, 4: 4 is used"]
