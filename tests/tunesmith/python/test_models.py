"""Models in Python."""

# pretty_midi has no types, music21 few:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from pathlib import Path

import pretty_midi
import pytest
from music21.stream.base import Score

from data_prep.errors import BadInputError
from data_prep.tunes.prompts import read_prompt
from models.composer.composing.tune_composer import TuneComposer
from models.composer.spec import ComposerSpec
from models.training import checkpoint
from models.uses.request import SamplingRequest
from tests.models import trained_composers, trained_stylenets
from tunesmith import load_model
from tunesmith.python.models import LoadedComposer, LoadedPerformer


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained_composers.trained(tmp_path_factory.mktemp("trained") / "composer.pt")


def test_tunes_are_converted_to_music21_pretty_midi_and_abc(file: Path, tmp_path: Path) -> None:
    composer = load_model(str(file))
    assert isinstance(composer, LoadedComposer)
    tunes = composer.compose(bars=4, metre="4/4", count=2, seed=3)
    assert [composed.tune for composed in tunes] == TuneComposer.load(file).compose(
        SamplingRequest(bars=4, metre="4/4"), count=2, seed=3
    )
    first = tunes[0]
    sounding = [pitch for pitch in first.tune.pitch if pitch >= 0]
    score, midi = first.music21(), first.pretty_midi(program=73)
    assert isinstance(score, Score)
    assert isinstance(midi, pretty_midi.PrettyMIDI)
    assert [note.pitch for note in midi.instruments[0].notes] == sounding
    assert midi.instruments[0].program == 73
    assert [pitch.midi for note in score.stripTies().flatten().notes for pitch in note.pitches] == sounding
    assert "X:1\n" in first.abc()
    written = first.write(tmp_path, "first", ["abc"])
    assert [path.name for path in written] == ["first.abc"]
    again, _ = read_prompt(written[0])
    assert again.pitch == first.tune.pitch
    for prompt in (written[0], str(written[0]), first, first.tune):
        continued = composer.compose(bars=4, prompt=prompt, prompt_notes=3)[0].tune
        assert (continued.num_prompt, continued.pitch[:3]) == (3, first.tune.pitch[:3])


def test_a_mistyped_field_of_a_request_names_the_nearest(file: Path) -> None:
    composer = load_model(file)
    assert isinstance(composer, LoadedComposer)
    with pytest.raises(TypeError, match=r"compose\(\) has no argument 'temprature'; did you mean 'temperature'\?"):
        composer.compose(temprature=1.0)
    with pytest.raises(BadInputError, match="a key is written like"):
        composer.compose(key="H")


def test_a_stylenet_changes_velocities(tmp_path: Path) -> None:
    performer = load_model(str(trained_stylenets.trained(tmp_path / "stylenet.pt")))
    assert isinstance(performer, LoadedPerformer)
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    piano = pretty_midi.Instrument(program=0)
    piano.notes += [pretty_midi.Note(64, 60 + step, step / 4, step / 4 + 0.25) for step in range(16)]
    midi.instruments.append(piano)
    played = performer.perform(midi, performer.styles[0])
    assert [note.pitch for note in played.instruments[0].notes] == list(range(60, 76))
    assert {note.velocity for note in played.instruments[0].notes} != {64}


@pytest.mark.parametrize("name", ["composer@champion", "composer@7", "nothing/3", "sonatas"])
def test_a_model_that_does_not_exist_is_rejected(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError):
        load_model(name, home=tmp_path)


def test_a_model_of_an_unknown_family_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "odd.pt"
    checkpoint.save(path, {}, ComposerSpec(), {"family": "sonatas"})
    with pytest.raises(BadInputError, match="no family is called 'sonatas'"):
        load_model(str(path))
