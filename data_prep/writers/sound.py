"""Synthesise MIDI as a WAV file, with the SoundFont that comes with pretty_midi.

No library on the package index is suitable: pyfluidsynth and tinysoundfont need system libraries, midirenderer has had
no release since 2024, and symusic's synthesizer cannot return its result (0.6.0).
"""

import math
import wave
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.writers.soundfont import RATE, SoundFont

_PEAK = 10 ** (-1 / 20)
"""Share of full amplitude: one decibel of headroom is left for players that resample."""

_SUSTAIN, _DOWN = 64, 64
"""The controller of the sustain pedal, and its least value at which the dampers are raised."""


def to_wav(midi: Any) -> bytes:
    """Synthesise MIDI.

    Args:
        midi: A PrettyMIDI, whose drums are not played.

    Returns:
        A WAV file with one channel and 16 bits, as loud as possible without clipping.
    """
    mixed = to_samples(midi)
    loudest = max(float(mixed.max(initial=0)), -float(mixed.min(initial=0)))
    mixed *= _PEAK * 32767 / loudest if loudest else 0  # in place: half an hour takes 635 MB
    return wav_file(np.rint(mixed, out=mixed).astype(np.int16), RATE)


def to_samples(midi: Any, begin: float = 0.0, end: float = math.inf) -> NDArray[np.float64]:
    """Synthesise the notes that begin in a part of a piece.

    Args:
        midi: A PrettyMIDI, whose drums are not played. Its sustain pedal holds notes.
        begin: Begin of the part (seconds).
        end: End of the part (seconds); its last notes sound until they are released.

    Returns:
        [n] samples at RATE, which begin with the part; their scale is that of the velocities, and may exceed 1.
    """
    notes = [
        (player.program, note, release)
        for player in midi.instruments
        if not player.is_drum
        for note, release in releases(player)
        if begin <= note.start < end
    ]
    mixed = np.zeros(max(round((min(midi.get_end_time(), end) - begin) * RATE), 0))
    for program, note, release in notes:
        place = round((note.start - begin) * RATE)
        sound = _font().play(program, note.pitch, note.velocity, release - note.start)
        missing = place + len(sound) - len(mixed)
        mixed = np.append(mixed, np.zeros(missing)) if missing > 0 else mixed
        mixed[place : place + len(sound)] += sound
    return mixed


def held_seconds(midi: Any) -> float:
    """Return the sum of the times for which the notes of a PrettyMIDI are held, by their keys or the pedal."""
    players = (player for player in midi.instruments if not player.is_drum)
    return sum(release - note.start for player in players for note, release in releases(player))


def wav_file(samples: NDArray[np.int16], rate: int) -> bytes:
    """Return the contents of a WAV file with one channel.

    Args:
        samples: [n] the samples.
        rate: Samples per second.

    Returns:
        The contents.
    """
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()


def releases(player: Any) -> Iterator[tuple[Any, float]]:
    """Yield each note of an instrument with the time at which its sound is released (seconds).

    A note that ends while the sustain pedal is down sounds until the pedal is raised, or its key is struck again.
    """
    pedal = sorted((change.time, change.value) for change in player.control_changes if change.number == _SUSTAIN)
    raised, end = [player.get_end_time()], player.get_end_time()
    for time, value in reversed(pedal):
        raised.append(raised[-1] if value >= _DOWN else time)
    raised.reverse()
    next_strike: dict[int, float] = {}
    for note in sorted(player.notes, key=lambda note: note.start, reverse=True):
        place = bisect_right(pedal, note.end, key=lambda change: change[0]) - 1
        is_held = place >= 0 and pedal[place][1] >= _DOWN
        held_until = min(raised[place], next_strike.get(note.pitch, end)) if is_held else note.end
        next_strike[note.pitch] = note.start
        yield note, max(note.end, held_until)


@cache
def _font() -> SoundFont:
    return SoundFont(Path(str(files("pretty_midi") / "TimGM6mb.sf2")))
