import itertools
import math
from typing import Literal

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_family import ToySpec

from data_prep.errors import BadInputError
from models.composer.spec import ComposerSpec
from models.spec import Spec, Value, setting
from search.spec.domains import Fixed, Range
from search.spec.file import load
from search.spec.space import Space, make_space

Entry = Value | list[Value] | dict[str, float | bool]


def space_of(spec_type: type[Spec], entries: dict[str, Entry]) -> Space:
    return make_space(spec_type, entries, place=lambda name: f"f.toml line {len(name)}", written=frozenset(entries))


def sample(space: Space, seed: int, count: int) -> list[dict[str, Value]]:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    return [space(study.ask()) for _ in range(count)]


@given(st.integers(0, 10_000))
def test_every_sample_is_a_legal_spec_without_idle_settings(seed: int) -> None:
    space = load("composer").space
    for values in sample(space, seed, 3):
        ComposerSpec.from_values(values)
        assert all(value in space.domains[name] for name, value in values.items())
        assert set(values) == {name for name in space.domains if ComposerSpec.matters(name, values)}


def test_settings_that_do_not_matter_are_not_sampled() -> None:
    space = space_of(ToySpec, {"solver": ["gradient", "momentum"], "momentum": {"low": 0.1, "high": 0.9}})
    samples = sample(space, 0, 20)
    assert {("momentum" in values) == (values["solver"] == "momentum") for values in samples} == {True}
    assert len({values["solver"] for values in samples}) == 2


def test_values_adds_fixed_settings_to_the_sampled_ones() -> None:
    space = space_of(ToySpec, {"solver": ["gradient", "momentum"], "lr": {"low": 0.1, "high": 0.2}, "columns": 7})
    full = space.values({"solver": "gradient", "lr": 0.15})
    assert full == {"solver": "gradient", "lr": 0.15, "columns": 7, "pause": 0.0, "trouble": "none", "epochs": 9}


class Small(Spec):
    kind: Literal["a", "b", "c"] = setting("a", "")
    depth: int = setting(1, "", low=1, high=9, when={"kind": ("a", "b")})
    width: int = setting(1, "", low=0, high=99, when={"depth": (2, 3)})
    flag: bool = setting(False, "")


@given(
    kinds=st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True),
    depth=st.tuples(st.integers(1, 9), st.integers(1, 9), st.integers(1, 3)),
    width=st.lists(st.integers(0, 9), min_size=1, max_size=4, unique=True),
)
def test_size_equals_the_number_of_enumerated_points(
    kinds: list[Value], depth: tuple[int, int, int], width: list[Value]
) -> None:
    low, high = sorted(depth[:2])
    step = min(depth[2], max(high - low, 1))
    entries: dict[str, Entry] = {"kind": kinds, "depth": {"low": low, "high": high, "step": step}, "width": width}
    space = make_space(Small, {**entries, "flag": [True, False]}, place=lambda _: "f", written=frozenset())
    every: set[tuple[tuple[str, Value], ...]] = set()
    for kind, deep, wide, flag in itertools.product(kinds, range(low, high + 1, step), width, (True, False)):
        values: dict[str, Value] = {"kind": kind}
        for name, value in (("depth", deep), ("width", wide), ("flag", flag)):
            if Small.matters(name, values):
                values[name] = value
        every.add(tuple(values.items()))
    assert space.size() == len(every)


def test_size_is_infinite_with_a_real_range_and_finite_without() -> None:
    space = space_of(ToySpec, {"lr": {"low": 0.1, "high": 0.2}, "columns": {"low": 1, "high": 8}})
    assert math.isinf(space.size())
    assert space.discrete_size() == 8
    stepped = space_of(ToySpec, {"momentum": {"low": 0.0, "high": 0.6, "step": 0.1}, "solver": "momentum"})
    assert stepped.size() == 7


def test_a_range_with_a_step_ends_at_its_last_step() -> None:
    space = space_of(ToySpec, {"momentum": {"low": 0.0, "high": 0.65, "step": 0.1}, "solver": "momentum"})
    assert space.domains["momentum"] == Range(0.0, 0.6, 0.1, log=False, whole=False)
    assert max(float(values["momentum"]) for values in sample(space, 1, 20)) <= 0.6


def test_known_points_are_reduced_to_the_searched_settings() -> None:
    space = space_of(ToySpec, {"solver": ["gradient", "momentum"], "momentum": {"low": 0.1, "high": 0.5}, "lr": 0.3})
    assert space.project({"solver": "gradient", "momentum": 0.4, "lr": 0.1}) == {"solver": "gradient"}
    assert space.project({"solver": "momentum", "momentum": 0.9}) is None
    assert space.project({"momentum": 0.3}) == {}


def test_different_spaces_have_different_hashes() -> None:
    space, other = space_of(ToySpec, {"lr": [0.1, 0.2]}), space_of(ToySpec, {"lr": [0.1, 0.3]})
    assert space.hash == space_of(ToySpec, {"lr": [0.1, 0.2]}).hash != other.hash
    assert len(space.hash) == 12


def test_a_list_or_range_with_a_single_value_is_a_fixed_value() -> None:
    space = space_of(ToySpec, {"columns": [3], "lr": {"low": 0.5, "high": 0.5}})
    assert (space.domains["columns"], space.domains["lr"]) == (Fixed(3), Fixed(0.5))
    assert space.searched == ()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"colums": 3}, "no setting is called 'colums' .* did you mean 'columns'"),
        ({"columns": 9}, r"columns = 9 is not legal: it is a whole number from 1 to 8 \(f.toml line 7\)"),
        ({"columns": [1, 2.5]}, "columns = 2.5 is not legal"),
        ({"columns": [True]}, "columns = True is not legal"),
        ({"columns": [2, 2]}, "lists a value twice"),
        ({"columns": []}, "needs at least one value"),
        ({"columns": {"low": 1}}, "needs both low and high"),
        ({"columns": {"low": 1, "high": 9}}, "columns = 9 is not legal"),
        ({"columns": {"low": 5, "high": 2}}, "low must not exceed high: got 5 and 2"),
        ({"columns": {"low": 1, "high": 8, "lg": True}}, "no key of a range is called 'lg'.*did you mean 'log'"),
        ({"columns": {"low": 1, "high": 8, "step": 0.5}}, "a step is a whole number above 0"),
        ({"columns": {"low": 1, "high": 8, "step": 2, "log": True}}, "has no step: got low = 1, step = 2"),
        ({"pause": {"low": 0.0, "high": 1.0, "log": True}}, "a logarithmic range starts above 0"),
        ({"lr": {"low": 0.1, "high": 0.2, "log": 1}}, "log is true or false: got 1"),
        ({"solver": {"low": 1, "high": 2}}, "solver has no range: it is one of gradient, momentum"),
        ({"solver": "gradiant"}, "solver = 'gradiant' is not legal"),
        (
            {"solver": "gradient", "momentum": [0.1, 0.2]},
            "momentum changes nothing in this space: it needs solver = mom",
        ),
    ],
)
def test_errors_for_bad_entries_contain_the_rule_the_value_and_the_line(entry: dict[str, Entry], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        space_of(ToySpec, entry)
