"""Made tests: loudness, names that reveal nothing, seeds, and what is refused."""

import wave
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.progress import Silent
from data_prep.randomness import stream
from models.uses import performing
from tests import hand_midi
from tests.tunesmith.listening.answering import loaded
from tests.tunesmith.listening.conftest import make_test, write_performances
from tunesmith.listening import audio, making
from tunesmith.listening.design import CONDITIONS, planned
from tunesmith.listening.pages import page_file, script, sheet_data
from tunesmith.listening.passages import Piece, choose, window


def samples(path: Path) -> NDArray[np.float64]:
    with wave.open(BytesIO(path.read_bytes())) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, audio.RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


@pytest.mark.parametrize("kind", ["pair", "ratings"])
def test_clips_of_an_item_are_equally_loud_and_long_and_differ(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(f"{kind}_folder")
    test, key = loaded(folder)
    for clips in [*test.items.values(), *(each.clips for each in test.practice)]:
        sounds = [samples(folder / "clips" / f"{clip}.wav") for clip in clips]
        loudness = [float(np.sqrt(np.mean(sound**2))) for sound in sounds]
        assert max(loudness) == pytest.approx(min(loudness), rel=2e-3)
        assert max(float(np.abs(sound).max()) for sound in sounds) <= audio.CEILING + 1e-3
        assert len({len(sound) for sound in sounds}) == 1
        assert len({key.clips[clip] for clip in clips}) == len(clips)
        assert max(float(np.abs(sounds[0] - sound).max()) for sound in sounds[1:]) > 0.01


def test_only_velocities_that_the_synthesizer_makes_audible_differ(performances: Path) -> None:
    data = (performances / "0.mid").read_bytes()
    performance = performing.played(data)
    flat = performing.replace_velocities(data, performance, performing.flat(performance))
    soft = performing.replace_velocities(data, performance, performing.flat(performance) / 2)
    loud, quiet = (audio.rendered(midi, 0.0, np.inf) for midi in (flat, soft))
    assert np.abs(quiet).max() < 0.3 * np.abs(loud).max()
    for one, other in zip(audio.matched([loud]), audio.matched([quiet]), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-9)


@pytest.mark.parametrize("kind", ["pair", "ratings"])
def test_the_page_and_its_data_do_not_have_the_key(kind: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(f"{kind}_folder")
    test, key = loaded(folder)
    sent = [script(test, served=served).decode() for served in (True, False)]
    sent += [page_file(name).decode() for name in ("index.html", "listen.js", "listen.css")]
    sent += [repr(sheet_data(test, number)) for number in range(len(test.sheets))]
    scored = [clip for clips in test.items.values() for clip in clips]
    for text in sent[:2] + sent[5:]:
        assert "flat" not in text
        assert "random" not in text
    names = sorted(path.name for path in (folder / "clips").iterdir())
    assert names == sorted(f"{clip}.wav" for clip in test.clips)
    assert not any(condition in name for name in names for condition in CONDITIONS)
    solutions = {each.human for each in test.practice}
    assert all(key.clips[clip] == "human" for clip in solutions)
    assert not solutions & set(scored)
    assert (folder / "key.json").stat().st_size > 0


def test_neither_names_nor_sizes_nor_repeated_bytes_tell_the_human(pair_folder: Path) -> None:
    test, key = loaded(pair_folder)
    humans = {clip for clip in test.clips if key.clips[clip] == "human"}
    ranks = [sorted(clips).index(clip) for clips in test.items.values() for clip in clips if clip in humans]
    assert set(ranks) == {0, 1}
    contents = [(pair_folder / "clips" / f"{clip}.wav").read_bytes() for clip in test.clips]
    assert len(set(contents)) == len(contents)


def test_the_same_seed_makes_the_same_test(ratings_folder: Path, pieces: list[Piece], tmp_path: Path) -> None:
    again = make_test(tmp_path / "test", pieces[:3], "ratings", ("human", "flat"))
    (one, key), (other, other_key) = loaded(ratings_folder), loaded(again)
    assert one.model_dump(exclude={"created"}) == other.model_dump(exclude={"created"})
    assert key == other_key


def test_another_test_of_the_same_seed_has_another_id(pair_folder: Path, ratings_folder: Path) -> None:
    assert loaded(pair_folder)[0].id != loaded(ratings_folder)[0].id


def test_a_window_is_long_enough_and_begins_after_a_gap() -> None:
    data = hand_midi.performance(5, length=600)
    performance = performing.played(data)
    onset = np.unique(performance.seconds)
    for seed in range(20):
        begin, end = window(performance, 30.0, stream(seed, "window"))
        assert begin in onset
        assert 30 <= end - begin < 31
        assert end in onset
    assert window(performance, None, stream(0, "window")) == (onset[0], np.inf)
    assert window(performing.played(hand_midi.performance(5)), 30.0, stream(0, "window"))[1] == np.inf


def test_a_rendered_passage_ends_with_a_fade() -> None:
    data = hand_midi.performance(5, length=80)
    sound = audio.rendered(data, 2.0, 6.0)
    assert 4 * audio.RATE <= len(sound) <= (4 + audio.FADE_S) * audio.RATE
    assert abs(sound[-1]) < 1e-6


def choose_from(folder: Path, count: int, *, human: bool = True) -> list[str]:
    pieces = choose(str(folder), count, human=human, seed=0, learnt=None, progress=Silent())
    return [piece.name for piece in pieces]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


def test_pieces_are_taken_from_all_styles_and_too_few_are_refused(tmp_path: Path) -> None:
    for number, style in enumerate(("calm", "wild")):
        write_performances(tmp_path / "styles" / style, 2 + number)
    (tmp_path / "styles" / "wild" / "2.mid").write_bytes(hand_midi.performance(9, length=33))
    for number in range(2):  # the same melodies would count as one composition
        (tmp_path / "styles" / "wild" / f"{number}.mid").write_bytes(hand_midi.performance(10 + number, length=33))
    assert sorted(name.split("/")[0] for name in choose_from(tmp_path / "styles", 4)) == ["calm"] * 2 + ["wild"] * 2
    with pytest.raises(BadInputError, match="the test needs 6 usable pieces") as error:
        choose_from(tmp_path / "styles", 6)
    assert "has 5" in str(error.value)


def test_pieces_that_the_model_has_seen_are_left_out(performances: Path) -> None:
    from data_prep.prepared.corpus import prepare

    learnt = prepare(str(performances), kind="performances", num_folds=None).data
    with pytest.raises(BadInputError, match="has 0 that the model has not seen, of 4"):
        choose(str(performances), 2, human=True, seed=0, learnt=learnt, progress=Silent())


def test_tunes_without_a_humans_dynamics_are_used_only_without_a_human(tmp_path: Path) -> None:
    folder = write_performances(tmp_path / "tunes", 2, velocities=1)
    assert len(choose_from(folder, 2, human=False)) == 2
    with pytest.raises(BadInputError, match="distinct velocity"):
        choose_from(folder, 2)


def test_a_folder_without_performances_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for human in (True, False):
        with pytest.raises(BadInputError, match=r"at least one MIDI file \(\.mid, \.midi\)"):
            choose_from(tmp_path / "empty", 2, human=human)
    with pytest.raises(BadInputError, match="rendered by rule"):
        choose("synthetic", 2, human=True, seed=0, learnt=None, progress=Silent())


@pytest.mark.parametrize("existing", ["test", "file", "folder"])
def test_a_folder_with_contents_is_never_written_to(existing: str, pair: Path, tmp_path: Path) -> None:
    (pair / "answers.jsonl").write_text("answers")
    folder = {"test": pair, "file": tmp_path / "note", "folder": pair / "clips"}[existing]
    if existing == "file":
        folder.write_text("note")
    with pytest.raises(BadInputError, match="never overwritten"):
        making.check_new(folder)
    assert (pair / "answers.jsonl").read_text() == "answers"


def test_a_failed_test_leaves_no_folder(pieces: list[Piece], tmp_path: Path) -> None:
    wanted = making.Wanted("pair", ("human", "flat"), 0, None, 1.0, planned("pair", 10), seed=0)
    silent = [replace(piece, data=b"MThd") for piece in pieces]
    (tmp_path / "out").mkdir()
    with pytest.raises(BadInputError, match="a piece can be synthesised"):
        making.make(tmp_path / "out" / "test", wanted, silent, None, Silent())
    assert list((tmp_path / "out").iterdir()) == []
