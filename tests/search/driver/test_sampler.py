"""The samplers of a search file are Optuna's own, and a resumed search does not repeat proposals."""

from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from search.driver.sampler import make_sampler
from search.spec.file import parse
from search.spec.sampler_section import SAMPLERS, Points
from search.spec.whole_search import SearchSpec

EXPECTED: dict[str, type[BaseSampler]] = {"tpe": TPESampler, "random": RandomSampler, "grid": BruteForceSampler}


def search_with(kind: str) -> SearchSpec:
    text = TOY_SEARCH.partition("[budget]")[0] + "[budget]\ntrials = 16\n[space]\nonly = true\n"
    text += f'columns = {{ low = 1, high = 8 }}\nsolver = ["gradient", "momentum"]\n[sampler]\nkind = "{kind}"\n'
    return parse(text, "toy.toml", family=ToyFamily())


def draw(sampler: BaseSampler, search: SearchSpec) -> list[Any]:
    """Return the points of 16 running trials."""
    study = optuna.create_study(sampler=sampler)
    return [search.space(study.ask()) for _ in range(16)]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", [kind for kind in SAMPLERS if kind is not Points])
def test_each_kind_is_optunas_and_the_same_seed_proposes_the_same_points(kind: Any) -> None:
    name = kind.model_fields["kind"].default
    search = search_with(name)
    sampler = make_sampler(search, 0)
    assert type(sampler) is EXPECTED[name]
    first = draw(sampler, search)
    assert draw(make_sampler(search, 0), search) == first
    assert draw(make_sampler(search, 5), search) != first, "a resumed search proposes other points"
    if name == "grid":
        assert len({str(values) for values in first}) == 16


POINTS = """
[sampler]
kind = "points"
[space]
only = true
columns = { low = 1, high = 8 }
solver = ["gradient", "momentum"]
"""


def search_of_points(points: str, trials: int = 5) -> SearchSpec:
    text = TOY_SEARCH.partition("[budget]")[0] + f"[budget]\ntrials = {trials}\n" + POINTS + points
    return parse(text, "toy.toml", family=ToyFamily())


def test_points_are_proposed_in_turn_also_after_a_resumption() -> None:
    points = "".join(f'[[prior]]\ncolumns = {n}\nsolver = "{s}"\n' for n, s in ((3, "momentum"), (8, "gradient")))
    search = search_of_points(points)
    study = optuna.create_study()
    proposed: list[Any] = []
    for resumption in range(3):
        study.sampler = make_sampler(search, resumption)
        trials = [study.ask() for _ in range(resumption + 1)]
        proposed += [search.space(trial) for trial in trials]  # pyright: ignore[reportArgumentType]
    assert [(each["columns"], each["solver"]) for each in proposed] == [(3, "momentum"), (8, "gradient")] * 3


def test_points_must_be_complete() -> None:
    with pytest.raises(BadInputError, match=r'"points" needs complete points: \[\[prior\]\] 1 has no solver'):
        search_of_points("[[prior]]\ncolumns = 3\n")


def test_points_are_needed() -> None:
    with pytest.raises(BadInputError, match=r'"points" needs points: there is no \[\[prior\]\]'):
        parse('[space]\nonly = true\n[sampler]\nkind = "points"\n', "toy.toml", family=ToyFamily())


def test_the_command_lines_seed_is_ignored_by_a_sampler_without_one() -> None:
    text = POINTS + '[[prior]]\ncolumns = 3\nsolver = "momentum"\n'
    search = parse(text, "toy.toml", family=ToyFamily(), overrides={"data.seed": 3, "sampler.seed": 3})
    assert search.data.seed == 3
    with pytest.raises(BadInputError, match=r"no key is called"):
        parse(text.replace('"points"', '"points"\nseed = 3'), "toy.toml", family=ToyFamily())
