"""A family that the program does not name: searched, resumed, promoted, exported, served and used."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.tunes.prompts import read_prompt
from tests.forked import Program
from tests.tunesmith.conftest import Place, make_place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # MLflow's own
    pytest.mark.xdist_group("ngram"),
]
ROOT = Path(__file__).parents[2]


class NgramPlace(Place):
    """A folder in which the n-gram is a family."""

    def start(self, *arguments: str) -> Program:
        script = Path(__file__).with_name("ngram_program.py")
        environment = {**self.environment(), "PYTHONPATH": str(ROOT)}
        return Program(arguments, script=script, folder=self.folder, environment=environment)

    def output(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def data(self, *arguments: str) -> Any:
        return json.loads(self.output(*arguments, "--json"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> NgramPlace:
    """A folder with a finished search of n-grams."""
    place = NgramPlace(make_place(tmp_path_factory.mktemp("ngram")).folder)
    first = place.data("search", "ngram", "--corpus", "tunes", "--trials", "3", "--slots", "1")
    assert sum(first["states"].values()) == 3
    resumed = place.data("search", "ngram", "--trials", "5")
    assert sum(resumed["states"].values()) == 5
    assert resumed["best"][0]["epochs"] == 3
    assert [baseline["name"] for baseline in resumed["baselines"]][-1] == "Kneser-Ney trigram + copy"
    return place


@pytest.fixture(scope="module")
def promoted(place: NgramPlace) -> Any:
    return place.data("promote", "ngram", "--networks", "2")


def test_its_built_in_search_determines_the_first_trial(place: NgramPlace) -> None:
    first = place.data("trials", "ngram", "--sort", "number")[0]
    assert (first["order"], first["share"]) == (3, 0.8)
    best = place.data("trials", "ngram", "--sort", "score")[0]
    assert best["nats_per_note"] < 5, "a uniform distribution has more than 6"
    assert "tunesmith compose --trial ngram/" in place.output("search", "ngram")


def test_its_card_describes_its_limitations(place: NgramPlace, promoted: Any) -> None:
    assert promoted["version"] == 1
    assert promoted["evidence"]["test"]["networks"] == 2
    assert "no bars, keys or forms" in place.output("models", "ngram@champion")


def test_a_served_model_predicts_the_next_note(place: NgramPlace, promoted: Any) -> None:
    import mlflow.pyfunc
    import pandas as pd  # pyright: ignore[reportMissingTypeStubs]

    assert promoted["version"] == 1
    place.output("export", "ngram@champion", "--out", "served")
    folder = place.folder / "served"
    assert "the beginning of a tune" in (folder / "README.md").read_text()
    (code,) = (folder / "code").iterdir()
    assert (code / "tests" / "models" / "ngram_family" / "serving.py").exists()
    model: Any = mlflow.pyfunc.load_model(str(folder))
    answer: Any = model.predict(pd.DataFrame([{"pitch": [], "duration": []}])).to_dict("records")[0]
    assert len(answer["pitch"]) == len(answer["duration"]) == len(answer["probability"]) > 3
    assert 0.5 < sum(answer["probability"]) < 1


def test_it_composes(place: NgramPlace, promoted: Any) -> None:
    assert promoted["version"] == 1
    composed = place.data("compose", "--model", "ngram@champion", "--bars", "4", "--metre", "6/8", "--formats", "abc")
    (tune,) = composed["tunes"]
    assert (tune["bars"], tune["metre"]) == (4, "6/8")
    read, _ = read_prompt(place.folder / tune["files"][0])
    assert sum(read.duration) == 12
    with_key = place.run("compose", "--model", "ngram@1", "--key", "D", "--formats", "abc")
    assert "ignores a key" in with_key.stderr
    other = place.run("perform", "tunes/none.mid", "--model", "ngram@1")
    assert other.returncode == 2


def test_it_is_scored_on_pieces_that_it_never_saw(place: NgramPlace, promoted: Any) -> None:
    assert promoted["version"] == 1
    scored = place.data("score", "ngram@champion", "airds")
    assert scored
