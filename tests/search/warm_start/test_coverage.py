import pytest
from toy_family import ToySpec

from models.spec import Value
from search.spec.space import make_space
from search.warm_start.coverage import cover, distance, same

SPACE = make_space(
    ToySpec,
    {
        "epochs": 9,
        "solver": ["gradient", "momentum"],
        "momentum": {"low": 0.1, "high": 0.9},
        "lr": {"low": 0.01, "high": 1.0, "log": True},
        "columns": {"low": 1, "high": 5},
    },
    place=lambda _: "",
    written=frozenset(),
)


def at(lr: float, columns: int = 1) -> dict[str, Value]:
    return {"lr": lr, "columns": columns}


def test_the_distance_is_the_mean_over_the_settings_that_both_points_have() -> None:
    assert distance(at(0.1), at(1.0), SPACE) == pytest.approx(0.25)  # half of a logarithmic range, and 0
    assert distance(at(0.1, 2), at(0.1, 5), SPACE) == pytest.approx(0.375)
    assert distance({"solver": "gradient", "lr": 0.1}, {"solver": "momentum", "momentum": 0.9, "lr": 0.1}, SPACE) == 0.5
    assert distance({"solver": "gradient"}, {"lr": 0.1}, SPACE) == 1.0


def test_the_best_of_each_source_come_first_then_the_farthest() -> None:
    near, far = [at(0.1), at(0.11), at(1.0)], [at(0.12), at(0.01), at(0.01, 5)]
    places = cover([near, far], [], 5, SPACE)
    assert places[:2] == [(0, 0), (1, 0)]
    assert places[2:] == [(1, 2), (1, 1), (0, 2)]  # at distances 0.73, 0.25 and 0.23 of those before
    assert cover([near, far], [], 1, SPACE) == [(0, 0)]
    assert cover([far, near], [], 2, SPACE) == [(0, 0), (1, 0)]


def test_of_equally_far_points_the_first_is_chosen() -> None:
    assert cover([[at(0.1), at(0.1, 3), at(0.1, 3), at(0.1, 2)]], [], 2, SPACE) == [(0, 0), (0, 1)]


def test_equal_and_known_and_empty_points_are_left_out() -> None:
    points = [at(0.1), at(0.1), {}, at(0.3), at(0.5)]
    assert cover([points, [at(0.1)]], [at(0.3)], 9, SPACE) == [(0, 0), (0, 4)]
    assert cover([[at(0.3)]], [at(0.3)], 9, SPACE) == []


def test_points_are_equal_up_to_rounding_and_unequal_with_other_settings() -> None:
    assert same(at(0.1), at(0.1 * (1 + 1e-9)))
    assert not same(at(0.1), at(0.1001))
    assert not same({"lr": 0.1}, at(0.1))
    assert not same({"solver": "gradient"}, {"solver": "momentum"})
