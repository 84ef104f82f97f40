"""The sound of MIDI files: their tempos and pedal are heard, and long or broken ones are refused."""

import wave
from io import BytesIO

import numpy as np
import pytest
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.writers import midi_sound
from data_prep.writers.soundfont import RATE
from tests import hand_midi

SLOW = (480, b"\xff\x51\x03\x1e\x84\x80")  # 2 s a quarter note from the first quarter note on


def samples(data: bytes) -> NDArray[np.float64]:
    with wave.open(BytesIO(midi_sound.of_midi(data))) as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768


def loudness(sound: NDArray[np.float64], begin: float, end: float) -> float:
    return float(np.sqrt((sound[int(begin * RATE) : int(end * RATE)] ** 2).mean()))


def test_a_tempo_change_is_heard() -> None:
    struck = [event for beat in (0, 2) for event in hand_midi.strike(60, 480 * beat, 480 * beat + 100)]
    sound = samples(hand_midi.midi([SLOW, *struck], division=480, form=0))
    assert loudness(sound, 2.3, 2.48) < 1e-3, "the first note has ended"
    assert loudness(sound, 2.5, 2.6) > 0.05, "the second is struck after 0.5 s and 2 s"


def test_the_pedal_is_heard() -> None:
    struck = hand_midi.strike(60, 0, 48) + hand_midi.strike(84, 1920, 1968)
    pedal = [(0, b"\xb0\x40\x7f"), (960, b"\xb0\x40\x00")]
    dry, held = (samples(hand_midi.midi([*struck, *more], division=480)) for more in ([], pedal))
    assert loudness(held, 0.7, 0.95) > 5 * loudness(dry, 0.7, 0.95)


@pytest.mark.parametrize(
    ("notes", "message"),
    [
        (
            hand_midi.strike(60, 0, 480 * 3700),
            "sound of at most 30 minutes is made: the piece lasts 31 min; omit --wav",
        ),
        (
            [event for key in range(60) for event in hand_midi.strike(key, 0, 480 * 3000)],
            "sound of at most 20 hours of held notes is made: its notes last 25 h together; omit --wav",
        ),
        (hand_midi.strike(60, 0, 480 * 100_000), "sound needs a MIDI file that pretty_midi reads: MIDI file has"),
    ],
    ids=["long", "much", "corrupt"],
)
def test_sound_beyond_the_limits_is_refused(notes: list[tuple[int, bytes]], message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        midi_sound.check(hand_midi.midi(notes, division=480))
    assert message in str(caught.value)
