"""The samplers of a search file are Optuna's own, and a resumed search does not repeat proposals."""

from typing import Any

import optuna
import pytest
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler
from toy_family import TOY_SEARCH, ToyFamily

from search.driver.sampler import make_sampler
from search.spec.file import parse
from search.spec.sampler_section import SAMPLERS
from search.spec.whole_search import SearchSpec

EXPECTED = {"tpe": TPESampler, "random": RandomSampler, "grid": BruteForceSampler}


def search_with(kind: str) -> SearchSpec:
    text = TOY_SEARCH.partition("[budget]")[0] + "[budget]\ntrials = 16\n[space]\nonly = true\n"
    text += f'columns = {{ low = 1, high = 8 }}\nsolver = ["gradient", "momentum"]\n[sampler]\nkind = "{kind}"\n'
    return parse(text, "toy.toml", family=ToyFamily())


def draw(sampler: BaseSampler, search: SearchSpec) -> list[Any]:
    """Return the points of 16 running trials."""
    study = optuna.create_study(sampler=sampler)
    return [search.space(study.ask()) for _ in range(16)]  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("kind", SAMPLERS)
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
