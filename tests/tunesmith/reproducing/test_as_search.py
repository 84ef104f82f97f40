"""An experiment is a search over its rows: every row is a legal point, and trial n has row n modulo their number."""

from pathlib import Path
from typing import Any

import optuna
import pytest

from data_prep.errors import BadInputError
from models.experiments import Experiment
from models.families import family, offering
from models.uses.offers import PublishedFamily
from search.driver.sampler import make_sampler
from search.spec.file import parse
from tunesmith.reproducing.as_search import RunOptions, row_values, search_of

EXPERIMENTS = [
    (family(name), experiment)
    for name, published in offering(PublishedFamily).items()
    for experiment in published.experiments.values()
    if isinstance(experiment, Experiment)
]


@pytest.mark.parametrize(("published", "experiment"), EXPERIMENTS, ids=lambda value: getattr(value, "name", ""))
def test_the_trials_of_an_experiment_are_its_rows_in_turn(published: Any, experiment: Experiment) -> None:
    seeds = 2
    spec = search_of(experiment, published, RunOptions(seeds=seeds))
    assert parse(spec.to_toml(), "stored", stored=True) == spec, "a resumed search has the same rows"
    study = optuna.create_study(sampler=make_sampler(spec, 0))
    trials = [spec.space(study.ask()) for _ in range(seeds * len(experiment.rows))]
    expected = [{**row_values(published.spec_type, row), "epochs": experiment.epochs} for row in experiment.rows]
    assert trials == expected * seeds
    names = [row.name for row in experiment.rows]
    assert len(set(names)) == len(names)
    assert {experiment.base, *experiment.tunes, *experiment.pictures} <= set(names)
    for claim in experiment.claims:
        assert {*claim.better, *claim.worse} <= set(names)
        assert not {*claim.better} & {*claim.worse}


def test_more_seeds_extend_the_same_search() -> None:
    published, experiment = EXPERIMENTS[0]
    one, three = (search_of(experiment, published, RunOptions(seeds=seeds)) for seeds in (1, 3))
    assert one.name == three.name
    assert one.space.hash == three.space.hash
    assert three.budget.trials == 3 * one.budget.trials


def test_searches_of_different_data_or_lengths_have_different_names(tmp_path: Path) -> None:
    published, experiment = EXPERIMENTS[0]
    folders = [tmp_path / "a" / "tunes", tmp_path / "b" / "tunes"]
    for folder in folders:
        folder.mkdir(parents=True)
    options = [
        RunOptions(),
        RunOptions(corpus="oneills"),
        RunOptions(repeats="written"),
        RunOptions(epochs=3),
        RunOptions(folds=3),
        RunOptions(folds="holdout:0.05"),
        *(RunOptions(corpus=str(folder)) for folder in folders),
    ]
    names = [search_of(experiment, published, each).name for each in options]
    assert len(set(names)) == len(names)


def test_experiments_that_share_a_search_have_the_same_trials() -> None:
    shared: dict[str, list[object]] = {}
    for published, experiment in EXPERIMENTS:
        if experiment.search:
            shared.setdefault(experiment.search, []).append(search_of(experiment, published, RunOptions()))
    assert shared
    assert all(spec == specs[0] for specs in shared.values() for spec in specs)


def test_an_illegal_option_is_refused() -> None:
    published, experiment = EXPERIMENTS[0]
    with pytest.raises(BadInputError, match=r"data.repeats = 'twice' is not legal"):
        search_of(experiment, published, RunOptions(repeats="twice"))


def test_a_folder_with_a_long_or_odd_name_gives_a_legal_name_of_a_search(tmp_path: Path) -> None:
    folder = tmp_path / ("long & 'odd' " * 9)
    folder.mkdir()
    for published, experiment in EXPERIMENTS:
        options = RunOptions(corpus=str(folder), repeats="written", epochs=999)
        assert search_of(experiment, published, options).name.startswith((experiment.search or experiment.name)[:2])
