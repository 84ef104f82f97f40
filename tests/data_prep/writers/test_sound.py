# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (pretty_midi has no types)
"""Pitches, lengths and loudness of synthesised sound."""

import wave
from io import BytesIO
from pathlib import Path

import numpy as np
import pretty_midi
import pytest
from numpy.typing import NDArray

from data_prep.tunes.notation import Tune
from data_prep.writers.midi import to_pretty_midi
from data_prep.writers.sound import to_samples, to_wav
from data_prep.writers.soundfont import RATE, SoundFont
from tests.hand_tunes import JIG


def _samples(data: bytes) -> NDArray[np.float64]:
    with wave.open(BytesIO(data)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def _fundamental(sound: NDArray[np.float64], near: float) -> float:
    """Return the frequency of the strongest partial within half an octave of a frequency."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 8 * len(sound)))
    hertz = np.fft.rfftfreq(8 * len(sound), 1 / RATE)
    inside = (hertz > near / 2**0.5) & (hertz < near * 2**0.5)
    return float(hertz[inside][spectrum[inside].argmax()])


@pytest.fixture(scope="module")
def font() -> SoundFont:
    return SoundFont(Path(pretty_midi.__file__).parent / "TimGM6mb.sf2")


def _play(*notes: tuple[int, float, float], program: int = 40) -> NDArray[np.float64]:
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(pretty_midi.Instrument(program))
    midi.instruments[0].notes += [pretty_midi.Note(90, pitch, begin, end) for pitch, begin, end in notes]
    return _samples(to_wav(midi))


@pytest.mark.parametrize("program", [0, 24, 40, 73, 110])
@pytest.mark.parametrize("pitch", [55, 62, 69, 76, 88])
def test_notes_have_their_pitch(program: int, pitch: int, font: SoundFont) -> None:
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    sound = font.play(program, pitch, 90, 1.0)
    assert _fundamental(sound[RATE // 20 : RATE], hertz) == pytest.approx(hertz, rel=0.01)


def test_the_violins_a_sounds_at_440_hertz_and_sustains() -> None:
    sound = _play((69, 0.0, 2.0))
    assert _fundamental(sound[RATE // 2 : 3 * RATE // 2], 440) == pytest.approx(440, rel=0.01)
    early, late = (np.sqrt((sound[at : at + RATE // 4] ** 2).mean()) for at in (RATE // 2, 3 * RATE // 2))
    assert late > 0.5 * early > 0.05


def test_a_file_is_as_long_as_its_notes_and_as_loud_as_possible() -> None:
    midi = to_pretty_midi(JIG)
    sound = _samples(to_wav(midi))
    assert 0 < len(sound) / RATE - midi.get_end_time() < 1
    assert np.abs(sound).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)


def test_only_rests_are_silent() -> None:
    sound = _play((69, 0.0, 0.5), (71, 2.0, 2.5))

    def loudness(begin: float, end: float) -> float:
        return float(np.sqrt((sound[int(begin * RATE) : int(end * RATE)] ** 2).mean()))

    assert loudness(1.0, 2.0) < 1e-4
    assert min(loudness(0.1, 0.5), loudness(2.1, 2.5)) > 0.1


def test_melodies_are_played_in_order() -> None:
    pitches = (62, 66, 69, 74)
    sound = _play(*((pitch, 0.5 * number, 0.5 * number + 0.5) for number, pitch in enumerate(pitches)))
    for number, pitch in enumerate(pitches):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        part = sound[int((0.5 * number + 0.2) * RATE) : int((0.5 * number + 0.5) * RATE)]
        assert _fundamental(part, hertz) == pytest.approx(hertz, rel=0.02)


def test_soft_notes_are_softer(font: SoundFont) -> None:
    soft, loud = (np.abs(font.play(40, 69, velocity, 0.5)).max() for velocity in (40, 80))
    assert loud / soft == pytest.approx(4, rel=0.01)  # the square of the velocities, as in the standard


def test_a_tune_of_rests_and_a_key_out_of_reach_are_silence(font: SoundFont) -> None:
    assert not _samples(to_wav(to_pretty_midi(Tune((-1,), JIG.duration[:1])))).any()
    assert not font.play(40, 127, 90, 0.5).any()


def _play_with_pedal(*changes: tuple[int, float]) -> NDArray[np.float64]:
    """Play two short notes of a piano at 0 and 2 s, and change the sustain pedal."""
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(pretty_midi.Instrument(0))
    midi.instruments[0].notes += [pretty_midi.Note(90, pitch, at, at + 0.1) for pitch, at in ((60, 0.0), (72, 2.0))]
    midi.instruments[0].control_changes += [pretty_midi.ControlChange(64, value, at) for value, at in changes]
    return to_samples(midi)


@pytest.mark.parametrize(
    ("changes", "sounds_until"),
    [
        ((), 0.1),
        (((127, 0.05), (0, 1.0)), 1.0),
        (((127, 0.05), (100, 0.5), (63, 1.5)), 1.5),
        (((0, 0.05), (127, 0.2)), 0.1),
        (((64, 0.0),), 2.0),
    ],
    ids=["no pedal", "down", "half raised", "too late", "never raised"],
)
def test_the_sustain_pedal_holds_notes(changes: tuple[tuple[int, float], ...], sounds_until: float) -> None:
    sound = _play_with_pedal(*changes)

    def loudness(at: float) -> float:
        return float(np.sqrt((sound[int(at * RATE) : int((at + 0.05) * RATE)] ** 2).mean()))

    assert loudness(sounds_until - 0.06) > 0.002
    assert sounds_until == 2.0 or loudness(sounds_until + 0.4) < 0.2 * loudness(sounds_until - 0.06)


def test_a_key_that_is_struck_again_ends_a_held_note() -> None:
    midi = pretty_midi.PrettyMIDI()
    midi.instruments.append(pretty_midi.Instrument(0))
    struck = ((60, 0.0), (60, 1.0), (72, 4.0))
    midi.instruments[0].notes += [pretty_midi.Note(90, pitch, at, at + 0.1) for pitch, at in struck]
    midi.instruments[0].control_changes.append(pretty_midi.ControlChange(64, 127, 0.0))
    both, second = to_samples(midi), to_samples(midi, 0.5)
    late = both[2 * RATE : 3 * RATE]
    assert np.abs(late).max() > 0.01, "the second strike is held"
    np.testing.assert_allclose(late, second[3 * RATE // 2 : 5 * RATE // 2], atol=1e-3)


def test_a_part_has_the_notes_that_begin_in_it() -> None:
    midi = to_pretty_midi(JIG)
    onsets = sorted(note.start for note in midi.instruments[0].notes)
    begin, end = onsets[4], onsets[8]
    part = to_samples(midi, begin, end)
    midi.instruments[0].notes = [note for note in midi.instruments[0].notes if begin <= note.start < end]
    np.testing.assert_array_equal(part[: RATE // 8], to_samples(midi)[round(begin * RATE) :][: RATE // 8])
    assert to_samples(midi, onsets[8]).max(initial=0) == 0
