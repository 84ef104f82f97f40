"""Synthesise MIDI as a WAV file, with the SoundFont that comes with pretty_midi.

No library on the package index is suitable: pyfluidsynth and tinysoundfont need system libraries, midirenderer has had
no release since 2024, and symusic's synthesizer cannot return its result (0.6.0).
"""

import wave
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.writers.soundfont import RATE, SoundFont

_PEAK = 10 ** (-1 / 20)
"""Share of full amplitude: one decibel of headroom is left for players that resample."""


def to_wav(midi: Any) -> bytes:
    """Synthesise MIDI.

    Args:
        midi: A PrettyMIDI, whose drums are not played.

    Returns:
        A WAV file with one channel and 16 bits, as loud as possible without clipping.
    """
    notes = [(player.program, note) for player in midi.instruments if not player.is_drum for note in player.notes]
    played = [
        (round(note.start * RATE), _font().play(program, note.pitch, note.velocity, note.end - note.start))
        for program, note in notes
    ]
    length = max((begin + len(sound) for begin, sound in played), default=0)
    mixed = np.zeros(max(length, round(midi.get_end_time() * RATE)))
    for begin, sound in played:
        mixed[begin : begin + len(sound)] += sound
    loudest = float(np.abs(mixed).max(initial=0))
    samples = np.rint(mixed * (_PEAK * 32767 / loudest if loudest else 0)).astype("<i2")
    file = BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(RATE)
        writer.writeframes(samples.tobytes())
    return file.getvalue()


@cache
def _font() -> SoundFont:
    return SoundFont(Path(str(files("pretty_midi") / "TimGM6mb.sf2")))
