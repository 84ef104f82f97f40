"""A search with a single split instead of folds: its plan, its result, and its promotion."""

import pytest

from tests.tunesmith.conftest import TINY, Place, make_place

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # MLflow's own


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder with a file of a search that holds out a twentieth of fifty tunes."""
    place = make_place(tmp_path_factory.mktemp("held"))
    data, budget = 'corpus = "tunes"\nfolds = "holdout:0.05"', "trials = 2\nepochs = 1"
    (place.folder / "held.toml").write_text(f'name = "held"\n[data]\n{data}\n[budget]\n{budget}\n')
    return place


def test_a_plan_names_the_single_split(place: Place) -> None:
    planned = place.run("search", "held.toml", "--dry-run", *TINY)
    assert planned.returncode == 0, planned.stderr
    assert "a single split: 2 of the pieces held out" in planned.stdout


def test_results_of_a_single_split_do_not_claim_standard_errors(place: Place) -> None:
    searched = place.run("search", "held.toml", "--slots", "1", *TINY)
    assert searched.returncode == 0, searched.stderr
    assert "a single split has no standard errors" in searched.stdout
    promoted = place.run("promote", "held")
    assert promoted.returncode == 0, promoted.stderr
    assert "is the best; a single split has no standard error" in promoted.stdout
    assert "validation, a single split" in promoted.stdout
    assert "cross-validation" not in promoted.stdout


def test_a_corpus_with_too_few_pieces_names_the_share(place: Place) -> None:
    small = (place.folder / "held.toml").read_text().replace("0.05", "0.01")
    (place.folder / "small.toml").write_text(small)
    refused = place.run("search", "small.toml")
    assert refused.returncode == 2
    assert "or hold out a larger share" in refused.stderr


def test_a_plan_of_points_counts_them(place: Place) -> None:
    (place.folder / "points.toml").write_text(
        'name = "points"\n[data]\ncorpus = "tunes"\n[budget]\ntrials = 6\nepochs = 1\n[sampler]\nkind = "points"\n'
        "[space]\nonly = true\nsize = [8, 16]\nlayers = 1\n[[prior]]\nsize = 8\n[[prior]]\nsize = 16\n"
    )
    planned = place.run("search", "points.toml", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "2 points of [[prior]], which differ in 1 setting" in planned.stdout
    assert "6, at these points in turn" in planned.stdout
