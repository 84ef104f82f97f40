"""Synthesise the contents of a MIDI file, with its tempos and its sustain pedal, within limits of length and effort."""

import warnings
from io import BytesIO
from typing import Any

import pretty_midi

from data_prep.errors import BadInputError, one_line
from data_prep.writers.sound import held_seconds, to_wav

_pretty_midi: Any = pretty_midi  # it is untyped

MAX_MINUTES = 30
"""Length of a sound: its samples take 21 MB a minute while it is made."""

MAX_HELD_HOURS = 20
"""Sum of the times for which all notes are held; an hour of it takes about ten seconds to synthesise."""


def check(midi: bytes) -> None:
    """Raise BadInputError if the contents of a MIDI file cannot be synthesised within the limits."""
    _read(midi)


def of_midi(midi: bytes) -> bytes:
    """Synthesise the contents of a MIDI file.

    Args:
        midi: The contents.

    Returns:
        The contents of a WAV file; see ``to_wav``.

    Raises:
        BadInputError: If the file cannot be read by pretty_midi, or its sound would exceed the limits.
    """
    return to_wav(_read(midi))


def _read(midi: bytes) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pretty_midi warns of tempos outside the first track
            read = _pretty_midi.PrettyMIDI(BytesIO(midi))
    except Exception as error:  # noqa: BLE001  (mido and pretty_midi raise anything)
        raise BadInputError("sound needs a MIDI file that pretty_midi reads", one_line(error)) from None
    minutes, hours = read.get_end_time() / 60, held_seconds(read) / 3600
    if minutes > MAX_MINUTES:
        raise BadInputError(
            f"sound of at most {MAX_MINUTES} minutes is made", f"the piece lasts {minutes:.0f} min", remedy="omit --wav"
        )
    if hours > MAX_HELD_HOURS:
        raise BadInputError(
            f"sound of at most {MAX_HELD_HOURS} hours of held notes is made",
            f"its notes last {hours:.0f} h together",
            remedy="omit --wav",
        )
    return read
