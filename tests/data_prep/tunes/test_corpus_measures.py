import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.corpora.named import corpora
from data_prep.corpora.provenance import Prepared
from data_prep.prepared.corpus import prepare
from data_prep.readers.scores import read
from data_prep.tunes.copies import CorpusIndex
from data_prep.tunes.corpus_measures import CorpusMeasures, corpus_measures
from data_prep.tunes.from_melodies import corpus_tunes
from data_prep.tunes.measures import MEASURES, measure
from data_prep.tunes.notation import MODES, signature
from tests import hand_melodies
from tests.data_prep.conftest import only

FILES = ("0201-0300.abc", "0501-0550.abc", "0701-0720.abc")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Prepare the plain tunes of three files of O'Neill's."""
    folder = tmp_path_factory.mktemp("tunes")
    for file in FILES:
        shutil.copy(corpora()["oneills"].folder / file, folder)
    few = replace(corpora()["oneills"], folder=folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("data_prep.prepared.corpus.resolve", only(few))
        return prepare("oneills", cache=tmp_path_factory.mktemp("cache"), processes=1)


def measured(prepared: Prepared, cache: Path) -> CorpusMeasures:
    index = CorpusIndex(prepared.data, [origin.title for origin in prepared.origins])
    return corpus_measures(prepared.data, index, cache)


def test_pieces_are_converted_to_the_tunes_in_the_files(prepared: Prepared) -> None:
    read_tunes = {
        f"{file}#{piece.heading.tune}": piece
        for file in FILES
        for piece in read(corpora()["oneills"].folder / file).pieces
    }
    right = list[bool]()
    for name, tune in zip(prepared.data.ids, corpus_tunes(prepared.data), strict=True):
        piece = read_tunes[name]
        assert tune.pitch == tuple(piece.pitch.tolist())
        assert [duration * piece.resolution for duration in tune.duration] == piece.duration.tolist()
        assert tune.metre == piece.heading.metres[0][1:]
        assert tune.pickup == piece.heading.pickup
        key = piece.heading.keys[0]
        assert tune.tonic == key.tonic
        if key.mode in MODES:
            right.append(tune.fifths == signature(key.tonic, key.mode))
    assert np.mean(right) > 0.9


def test_real_tunes_keep_their_key_their_bars_and_their_triplets(prepared: Prepared, tmp_path: Path) -> None:
    measures = measured(prepared, tmp_path)
    assert measures.num_pieces == prepared.data.num_pieces > 50
    [median] = measures.quantiles("in_key", 0.5)
    assert median > 0.95
    assert measures.quantiles("complete_triplets", 0.5) == (1.0,)
    assert np.mean(measures.known("bars_filled")) > 0.9
    assert 5 <= measures.quantiles("longest_copy", 0.5)[0] <= 20
    assert measures.values["range"] == tuple(measure(tune)["range"] for tune in corpus_tunes(prepared.data))


def test_a_corpus_is_measured_once(prepared: Prepared, tmp_path: Path) -> None:
    first = measured(prepared, tmp_path)
    [path] = (tmp_path / "measures").iterdir()
    written = path.stat().st_mtime_ns
    assert measured(prepared, tmp_path) == first
    assert path.stat().st_mtime_ns == written
    for damaged in ("[]", "{", '{"in_key": 1}', '{"in_key": [1.0]}'):
        path.write_text(damaged)
        assert measured(prepared, tmp_path) == first


def corpus_of(values: Sequence[float | None]) -> CorpusMeasures:
    return CorpusMeasures("by hand", dict.fromkeys(MEASURES, tuple(values)))


@given(st.lists(st.none() | st.integers(0, 9).map(float), min_size=1, max_size=200), st.integers(-1, 10).map(float))
def test_ranks_equal_those_of_counting(values: list[float | None], value: float) -> None:
    known = [each for each in values if each is not None]
    place = corpus_of(values).rank("range", value)
    if not known:
        assert place is None
        return
    assert place is not None
    less, equal = sum(each < value for each in known), known.count(value)
    low, high = (sorted(known)[round(share * (len(known) - 1))] for share in (0.025, 0.975))
    assert place.percentile == pytest.approx(100 * (less + equal / 2) / len(known))
    assert place.outlying == (-1 if value < low else 1 if value > high else 0)


def test_a_value_of_fewer_than_one_piece_in_forty_is_unusual() -> None:
    corpus = corpus_of([*map(float, range(1, 1001)), None])
    places = [corpus.rank("range", value) for value in (20.0, 30.0, 970.0, 980.0)]
    assert [place and place.outlying for place in places] == [-1, 0, 0, 1]
    rare, common = corpus_of([1.0] * 98 + [0.0] * 2), corpus_of([1.0] * 80 + [0.0] * 20)
    answers = [each.rank("ends_on_tonic", 0.0) for each in (rare, common)]
    assert [place and place.outlying for place in answers] == [-1, 0]


def test_an_example_corpus_is_measured_piece_by_piece(tmp_path: Path) -> None:
    melodies = hand_melodies.melodies(hand_melodies.random_tunes(20))
    measures = corpus_measures(melodies, CorpusIndex(melodies, [""] * 20), tmp_path)
    for number, tune in enumerate(corpus_tunes(melodies)):
        of_piece = measure(tune)
        assert {name: measures.values[name][number] for name in of_piece} == of_piece
