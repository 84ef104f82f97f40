"""The clips of a listening test: synthesised, equally loud, and with equal lengths.

Loudness is matched in the rendered audio, because a SoundFont's sound is not proportional to the velocity: all versions
of a passage get the same root mean square.
"""

import io
import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pretty_midi import PrettyMIDI
from scipy import signal

from data_prep.errors import BadInputError, one_line
from data_prep.writers import sound
from data_prep.writers.soundfont import RATE as SYNTHESIS_RATE

_scipy_signal: Any = signal  # it is only partly typed

RATE = 22050
"""Samples per second of a clip: half of the synthesizer's, so that a clip of 30 s has 1.4 MB."""

LEVEL = 10 ** (-23 / 20)
"""Root mean square of a clip, as a share of full amplitude, if its peaks permit."""

CEILING = 10 ** (-1 / 20)
"""Greatest amplitude of a clip."""

FADE_S = 2.0
"""Time in which the last notes of a passage fade out (seconds)."""


def rendered(midi: bytes, begin: float, end: float) -> NDArray[np.float64]:
    """Synthesise a passage.

    Args:
        midi: Contents of a MIDI file.
        begin: Begin of the passage (seconds).
        end: End of the passage (seconds), or infinity.

    Returns:
        [n] samples at RATE; their scale is that of the velocities.

    Raises:
        BadInputError: If the file cannot be synthesised, or is silent.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of unusual but readable files
            piece = PrettyMIDI(io.BytesIO(midi))
    except Exception as error:  # noqa: BLE001  (pretty_midi raises errors of many kinds)
        raise BadInputError("a piece can be synthesised", one_line(error)) from None
    samples = sound.to_samples(piece, begin, end)
    if math.isfinite(end):
        samples = samples[: round((end - begin + FADE_S) * SYNTHESIS_RATE)]
    samples = np.asarray(_scipy_signal.resample_poly(samples, 1, SYNTHESIS_RATE // RATE), np.float64)
    if not np.abs(samples).max(initial=0) > 0:
        raise BadInputError("a piece can be heard", "its passage is silent")
    fade = min(len(samples), round(FADE_S * RATE))
    samples[len(samples) - fade :] *= np.linspace(1, 0, fade)
    return samples


def matched(versions: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Make versions of a passage equally loud and equally long.

    Args:
        versions: The samples of each version.

    Returns:
        The versions, all with the root mean square LEVEL, or less if a peak would exceed CEILING.
    """
    length = max(map(len, versions))
    versions = [np.pad(version, (0, length - len(version))) for version in versions]
    loudness = [math.sqrt(float(np.mean(version**2))) for version in versions]
    room = [CEILING * rms / float(np.abs(version).max()) for version, rms in zip(versions, loudness, strict=True)]
    level = min(LEVEL, *room)
    return [version * (level / rms) for version, rms in zip(versions, loudness, strict=True)]


def to_wav(samples: NDArray[np.float64], random: np.random.Generator) -> bytes:
    """Write a clip with triangular dither, so that two clips of the same version differ in their bytes.

    Args:
        samples: [n] samples at RATE, within full amplitude.
        random: Source of randomness.

    Returns:
        A WAV file with one channel and 16 bits.
    """
    dither = random.triangular(-1, 0, 1, len(samples))
    return sound.wav_file(np.rint(samples * 32767 + dither).astype(np.int16), RATE)
