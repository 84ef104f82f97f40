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


def test_a_long_corpus_name_leaves_the_experiment_and_the_folder_in_the_name(tmp_path: Path) -> None:
    names: set[str] = set()
    for parent in ("a", "b"):
        folder = tmp_path / parent / ("tunes of the whole family, as copied by hand " * 2)
        folder.mkdir(parents=True)
        for published, experiment in EXPERIMENTS:
            spec = search_of(experiment, published, RunOptions(corpus=str(folder), epochs=12_345))
            assert len(spec.name) <= 64
            names.add(spec.name)
    assert len(names) == 2 * len({experiment.search or experiment.name for _, experiment in EXPERIMENTS})


def test_an_option_that_equals_the_experiments_own_names_the_same_search() -> None:
    published, experiment = EXPERIMENTS[0]
    given = RunOptions(experiment.default_corpus, experiment.repeats, epochs=experiment.epochs)
    assert search_of(experiment, published, given) == search_of(experiment, published, RunOptions())


def test_columns_and_spellings_of_a_folder_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published, experiment = next(each for each in EXPERIMENTS if each[0].name == "stylenet")
    monkeypatch.chdir(tmp_path)
    for folder in ("a/pieces", "b/pieces", "ryans"):
        (tmp_path / folder).mkdir(parents=True)
    corpora = ("a/pieces", "a/pieces/", "a/../a/pieces", "a/pieces:era", "b/pieces:era", "a/pieces:player")
    names = [search_of(experiment, published, RunOptions(corpus=corpus)).name for corpus in corpora]
    assert names[0] == names[1] == names[2]
    assert len(set(names)) == 4
    table = next(each for _, each in EXPERIMENTS if each.default_corpus == "ryans")
    assert search_of(table, EXPERIMENTS[0][0], RunOptions()).name.endswith("-ryans"), "a named corpus is no folder"


def test_a_corpus_that_does_not_exist_is_refused() -> None:
    published, experiment = EXPERIMENTS[0]
    with pytest.raises(BadInputError, match="no corpus is called 'nowhere'"):
        search_of(experiment, published, RunOptions(corpus="nowhere"))


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
