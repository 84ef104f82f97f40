"""A trained StyleNet on MIDI files: changed and unchanged bytes, and refused inputs."""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pretty_midi
import pytest
import torch

from data_prep.encodings.views import NoteView
from data_prep.errors import BadInputError
from data_prep.performances.arrays import Performance, Performances
from data_prep.randomness import stream
from data_prep.readers.midi import files as midi_file
from data_prep.readers.midi.files import MidiNotes
from models.composer.spec import ComposerSpec
from models.stylenet.performer import Performer
from models.stylenet.spec import StyleNetSpec
from models.training import checkpoint
from models.uses import performing
from models.uses.performing import perform
from models.uses.styles import parse_mix
from tests.models.drawn_weights import watched_draws
from tests.models.toy_performances import STYLES, random_performances
from tests.models.trained_stylenets import trained


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Performer:
    return Performer.load(trained(tmp_path_factory.mktemp("model") / "model.pt"))


def piece(*, others: bool = True) -> pretty_midi.PrettyMIDI:
    """Return a piece for a piano with pedal and notes beyond its keys, a flute and drums."""
    random = stream(0, "piece to perform")
    midi = pretty_midi.PrettyMIDI(initial_tempo=97.0)
    piano = pretty_midi.Instrument(0, name="piano")
    for number in range(120):
        begin = number * 0.21
        piano.notes.append(pretty_midi.Note(64, int(random.integers(30, 100)), begin, begin + 0.4))
    piano.notes += [pretty_midi.Note(50, 12, 1.0, 2.0), pretty_midi.Note(51, 120, 1.0, 2.0)]
    piano.control_changes.append(pretty_midi.ControlChange(64, 127, 0.5))
    midi.instruments.append(piano)
    if others:
        for program, is_drum in ((73, False), (0, True)):
            other = pretty_midi.Instrument(program, is_drum=is_drum)
            other.notes += [pretty_midi.Note(70, 60 + step, step * 0.3, step * 0.3 + 0.2) for step in range(20)]
            midi.instruments.append(other)
    midi.lyrics.append(pretty_midi.Lyric("la", 0.3))
    midi.time_signature_changes.append(pretty_midi.TimeSignature(4, 4, 0))
    return midi


def as_bytes(midi: pretty_midi.PrettyMIDI) -> bytes:
    buffer = io.BytesIO()
    midi.write(buffer)
    return buffer.getvalue()


def note_ons(data: bytes) -> MidiNotes:
    return midi_file.read(data).notes


def test_only_velocities_of_the_pianos_keys_change(model: Performer) -> None:
    before = as_bytes(piece())
    after = perform(before, model, "wild")
    ons, new = note_ons(before), note_ons(after)
    changed = {at for at, (a, b) in enumerate(zip(before, after, strict=True)) if a != b}
    assert changed
    assert changed <= set(ons.offset.tolist())
    kept = ~ons.is_piano | (ons.pitch < 21) | (ons.pitch > 108)
    assert kept.sum() == 42
    assert np.array_equal(new.velocity[kept], ons.velocity[kept])
    assert len(set(new.velocity[~kept].tolist())) > 5
    assert np.all((new.velocity >= 1) & (new.velocity <= 127))


def test_predictions_are_reproducible_and_independent_of_the_files_velocities(model: Performer) -> None:
    midi = as_bytes(piece())
    louder = piece()
    for note in louder.instruments[0].notes:
        note.velocity += 20
    assert perform(midi, model, "calm") == perform(midi, model, "calm")
    ons, again = note_ons(perform(midi, model, "calm")), note_ons(perform(as_bytes(louder), model, "calm"))
    inside = ons.is_piano & (ons.pitch >= 21) & (ons.pitch <= 108)
    assert np.array_equal(ons.velocity[inside], again.velocity[inside])


def test_a_pretty_midi_is_returned_as_a_new_one(model: Performer) -> None:
    midi = piece()
    performed = perform(midi, model, "calm")
    assert isinstance(performed, pretty_midi.PrettyMIDI)
    assert as_bytes(midi) == as_bytes(piece()), "the argument is unchanged"
    velocities = [note.velocity for instrument in performed.instruments for note in instrument.notes]
    assert sorted(velocities) == sorted(note_ons(perform(as_bytes(midi), model, "calm")).velocity.tolist())


@pytest.mark.parametrize(
    "settings",
    [
        {"view": "note", "features": "piece"},
        {"view": "grid", "genre_sharing": "branches", "interpretation": 3},
        {"view": "grid", "metre": False, "bi_merge": "top", "layers": 2, "cell": "peephole"},
    ],
    ids=["notes", "grid with branches", "grid without metre"],
)
def test_a_held_out_piece_in_a_file_gets_the_predictions_of_training(settings: dict[str, Any], tmp_path: Path) -> None:
    """Compare the model from a file with the model in memory, fold by fold."""
    from models.stylenet.task import StyleNetTask
    from models.training.loop import LockstepTraining

    data = random_performances()
    spec = StyleNetSpec.from_values({"epochs": 1, "size": 4, "level_shrink": 0.3, **settings})
    task = StyleNetTask(spec, data, seed=0, trial=0, device="cpu")
    training = LockstepTraining(task, spec)
    for _ in training.epochs():
        pass
    extra = {"family": "stylenet", "vocabulary": training.vocabulary}
    checkpoint.save(tmp_path / "model.pt", training.weights(), spec, extra)
    performer = Performer.load(tmp_path / "model.pt")
    assert performer.styles == STYLES
    predicted = task.predict().velocity
    for number in range(0, data.num_pieces, 5):
        rows = slice(int(data.start[number]), int(data.start[number + 1]))
        style, fold = STYLES[data.style[number]], int(data.fold[number])
        assert performer.velocities(alone(data, rows), style, fold) == pytest.approx(predicted[rows], abs=1e-3)
        folds = [performer.velocities(alone(data, rows), style, other_fold) for other_fold in range(4)]
        assert performer.velocities(alone(data, rows), style) == pytest.approx(np.mean(folds, axis=0))


def alone(data: Performances, rows: slice) -> Performance:
    names = ("pitch", "velocity", "onset", "duration", "seconds")
    columns = {name: getattr(data, name)[rows] for name in names}
    return Performance(**columns, tick=np.arange(rows.stop - rows.start))


def test_amounts_scale_deviations_and_mixes_average_styles(model: Performer) -> None:
    performance = performing.played(as_bytes(piece()))
    calm, wild = (model.velocities(performance, style) for style in STYLES)
    mixed = model.velocities(performance, {"calm": 3, "wild": 1})
    assert mixed == pytest.approx(0.75 * calm + 0.25 * wild, nan_ok=True)
    assert np.nanstd(performing.scaled(calm, 0.0)) == pytest.approx(0.0, abs=1e-9)
    assert performing.scaled(calm, 1.0) == pytest.approx(calm, nan_ok=True)
    assert np.nanstd(performing.scaled(calm, 2.0)) == pytest.approx(2 * np.nanstd(calm))
    assert np.nanmean(performing.scaled(calm, 2.0)) == pytest.approx(np.nanmean(calm))
    loud = performing.replace_velocities(as_bytes(piece()), performance, calm + 1000)
    assert set(note_ons(loud).velocity[note_ons(loud).is_piano].tolist()) == {50, 51, 127}


def test_doubtful_bars_and_beats_are_reported() -> None:
    assert performing.doubts(as_bytes(written(4))) == ()
    (doubt,) = performing.doubts(as_bytes(written(3)))
    assert doubt == "3/4 from bar 1"
    recorded = written(4)
    for note in recorded.instruments[0].notes:
        note.start, note.end = note.start * 1.0371, note.end * 1.0371 + 0.01
    (doubt,) = performing.doubts(as_bytes(recorded))
    assert doubt.startswith("its tempo is a dummy")


def written(beats: int) -> pretty_midi.PrettyMIDI:
    """Return sixteenths at 120 quarter notes per minute, like those of a notation program."""
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    midi.time_signature_changes.append(pretty_midi.TimeSignature(beats, 4, 0))
    midi.instruments.append(pretty_midi.Instrument(0))
    notes = [pretty_midi.Note(64, 40 + step % 40, step / 8, step / 8 + 0.1) for step in range(400)]
    midi.instruments[0].notes += notes
    return midi


def test_baselines_need_no_model() -> None:
    performance = performing.played(as_bytes(piece()))
    assert set(performing.flat(performance).tolist()) == {64.0}
    first, again, other = (performing.at_random(performance, seed) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.min() >= 1
    assert first.max() <= 127


def test_very_short_and_very_long_pieces_are_performed(model: Performer) -> None:
    short = pretty_midi.PrettyMIDI()
    short.instruments.append(pretty_midi.Instrument(0))
    short.instruments[0].notes.append(pretty_midi.Note(64, 60, 0.0, 1.0))
    assert note_ons(perform(as_bytes(short), model, "calm")).velocity.shape == (1,)
    long = pretty_midi.PrettyMIDI()
    long.instruments.append(pretty_midi.Instrument(0))
    notes = [pretty_midi.Note(64, 40 + step % 40, step * 0.1, step * 0.1 + 0.3) for step in range(6000)]
    long.instruments[0].notes += notes
    assert len(note_ons(perform(as_bytes(long), model, "calm")).velocity) == 6000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:60], "cut short"),
        (lambda _: b"MThd, but not a MIDI file", "MIDI"),
        (lambda _: b"", "MThd"),
        (lambda data: data.replace(b"\xc0\x00", b"\xc0\x49"), "no piano"),
    ],
    ids=["cut", "text", "empty", "flutes"],
)
def test_files_without_a_piano_are_refused_in_one_line(change: Any, message: str, model: Performer) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        perform(change(as_bytes(piece(others=False))), model, "calm")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ("wildd", "did you mean 'wild'"),
        ({"calm": 0.5, "polka": 0.5}, "no style is called 'polka'"),
        ({"calm": 0.0}, "sum is positive"),
        ({"calm": -1.0, "wild": 2.0}, "not negative"),
        ({"calm": float("nan")}, "not negative"),
        ({"calm": float("inf"), "wild": 1.0}, "positive and finite"),
        ({"calm": 1e308, "wild": 1e308}, "positive and finite"),
        ({}, "sum is positive"),
    ],
)
def test_illegal_styles_are_refused(style: Any, message: str, model: Performer) -> None:
    with pytest.raises(BadInputError, match=message):
        perform(as_bytes(piece()), model, style)


@pytest.mark.parametrize("amount", [float("inf"), float("nan"), -0.1, 100.1])
def test_illegal_amounts_are_refused(amount: float, model: Performer) -> None:
    for midi in (piece(), as_bytes(piece())):
        with pytest.raises(BadInputError, match=r"the amount is a number from 0 \(flat\) to 100: got"):
            perform(midi, model, "calm", amount=amount)


def test_a_model_on_the_grid_refuses_pieces_longer_than_the_grid(tmp_path: Path) -> None:
    performer = Performer.load(trained(tmp_path / "model.pt", view="grid"))
    long = replace(performing.played(as_bytes(piece())), onset=np.linspace(0, 2**17, 122))
    with pytest.raises(BadInputError, match=r"too long for this model, .*: it lasts 3276[89] bars"):
        performer.velocities(long, "calm")


@pytest.mark.parametrize("view", ["note", "grid"])
@pytest.mark.parametrize("onset", [1e6, 1e300])
def test_pieces_beyond_the_limits_of_files_are_refused(view: str, onset: float, tmp_path: Path) -> None:
    performer = Performer.load(trained(tmp_path / "model.pt", view=view))
    short = performing.played(as_bytes(piece()))
    late = replace(short, onset=np.append(short.onset[:-1], onset), seconds=np.append(short.seconds[:-1], onset))
    with pytest.raises(BadInputError, match="music of at most 1000000 quarter notes is read: it lasts 1e"):
        performer.velocities(late, "calm")
    many = 200_001
    columns = {name: np.resize(column, many) for name, column in vars(short).items()}
    with pytest.raises(BadInputError, match="at most 200000 notes are read: it has 200001"):
        performer.velocities(Performance(**columns), "calm")


def test_settings_for_a_larger_model_than_the_weights_are_refused_before_it_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = checkpoint.load(trained(tmp_path / "model.pt", view="grid"))
    drawn = watched_draws(monkeypatch)
    extra: dict[str, Any] = dict(saved.extra)
    for settings in ({"size": 2048}, {"layers": 8}, {"interpretation": 2048}, {"genre_sharing": "branches"}):
        spec = StyleNetSpec.model_validate({**saved.spec, **settings})
        checkpoint.save(tmp_path / "large.pt", saved.training, spec, extra)
        with pytest.raises(BadInputError, match="is not a complete stylenet"):
            Performer.load(tmp_path / "large.pt")
    styles = {**extra, "vocabulary": {"styles": [*STYLES, "more"]}}
    checkpoint.save(tmp_path / "large.pt", saved.training, StyleNetSpec.model_validate(saved.spec), styles)
    with pytest.raises(BadInputError, match="3 styles and 2 levels"):
        Performer.load(tmp_path / "large.pt")
    networks = {**saved.training, "mean": torch.zeros(257, 192), "deviation": torch.zeros(257, 192)}
    checkpoint.save(tmp_path / "large.pt", networks, StyleNetSpec.model_validate(saved.spec), extra)
    with pytest.raises(BadInputError, match="1 to 256 networks: it has 257"):
        Performer.load(tmp_path / "large.pt")
    assert not drawn
    Performer.load(tmp_path / "model.pt")
    assert drawn


@pytest.mark.parametrize("text", ["calm=1,calm=2", "calm", "calm=loud", "=1", "calm=", "calm=1,", "calm=true"])
def test_a_mix_is_parsed_from_shares(text: str) -> None:
    with pytest.raises(BadInputError, match=r"a mix is written like classical=0.3,jazz=0.7"):
        parse_mix(text)
    assert parse_mix("calm=0.25, wild=1") == {"calm": 0.25, "wild": 1.0}


def test_files_that_are_not_a_stylenet_are_refused(tmp_path: Path) -> None:
    path = trained(tmp_path / "model.pt")
    with pytest.raises(BadInputError, match="must exist"):
        Performer.load(tmp_path / "nowhere.pt")
    (tmp_path / "text.pt").write_text("a model")
    with pytest.raises(BadInputError, match="is not a checkpoint"):
        Performer.load(tmp_path / "text.pt")
    checkpoint.save(tmp_path / "composer.pt", {}, ComposerSpec(), {"family": "composer"})
    with pytest.raises(BadInputError, match="is a composer"):
        Performer.load(tmp_path / "composer.pt")
    saved = checkpoint.load(path)
    lacking = {name: value for name, value in saved.training.items() if name != "head_weight.0"}
    for weights in (lacking, {**saved.training, "head_weight.0": torch.zeros(1)}, {}):
        checkpoint.save(tmp_path / "broken.pt", weights, StyleNetSpec.model_validate(saved.spec), dict(saved.extra))
        with pytest.raises(BadInputError, match="not a complete stylenet"):
            Performer.load(tmp_path / "broken.pt")


def test_features_of_a_performance_do_not_depend_on_its_corpus() -> None:
    data = random_performances()
    rows = slice(int(data.start[3]), int(data.start[4]))
    in_corpus = NoteView.of(data, "piece")
    alone = NoteView.of(replace(data, **_only(data, 3, rows)), "piece")
    assert np.array_equal(in_corpus.features[rows], alone.features)


def _only(data: Performances, number: int, rows: slice) -> dict[str, Any]:
    per_note = {name: getattr(data, name)[rows] for name in ("pitch", "velocity", "onset", "duration", "seconds")}
    per_piece = {name: getattr(data, name)[number : number + 1] for name in ("fold", "style", "composition")}
    return {**per_note, **per_piece, "start": np.array([0, rows.stop - rows.start]), "ids": ("only",)}
