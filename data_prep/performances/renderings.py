"""Synthetic performances: scores rendered by two rule-based styles, for use without real performances.

Symbols: n notes of a score, rule[r, n] the value of rule r for note n. The velocity of a note is a weighted sum over
the rules of a style,

    velocity = 64 + sum over r of weight[r] * (rule[r, n] - mean of rule[r, :]) + noise,

so that both styles have the same mean and differ in which notes are loud. "synthetic-lyrical" brings out the upper line
in arches over four bars and accents the metre; "synthetic-stride" has a heavy bass on the strong beats, chords on the
others, swung and accented off-beats, and every second pair of bars softer, as an answer.

Sources: A. Friberg, R. Bresin and J. Sundberg, "Overview of the KTH rule system for musical performance", Advances in
Cognitive Psychology 2 (2006): high loud, phrase arch, duration contrast, melodic and metrical emphasis, swing
with late off-beats, articulation, noise. Final ritard: Friberg and Sundberg, JASA 105 (1999), tempo as the square root
of a linear function. Melody lead: W. Goebl, JASA 110 (2001). The weights are our own choice, not measured.
"""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from data_prep.grid import STEPS_PER_QUARTER, to_step
from data_prep.melodies.assembly import COMMON_TIME, metre_of
from data_prep.performances.arrays import Performance
from data_prep.pitches import REST
from data_prep.randomness import stream
from data_prep.readers.notes import Piece

TICKS_PER_QUARTER = 480
"""Resolution of a rendering."""

MEAN_VELOCITY = 64.0
"""Mean velocity of every rendering, apart from noise and rounding."""

PHRASE_BARS = 4
"""Bars in a phrase; scores as read do not mark phrases."""

FINAL_QUARTERS = 6.0
"""Length of the final ritard in quarter notes."""

MAX_DEVIATION = 0.45
"""Greatest deviation of a performed onset from the written step, in sixteenths, so that it rounds to that step."""

_ROUNDING = 1e-6
"""Tolerance for equal times in beats; thirds of a beat are not exact floats."""

_EIGHTHS = 8


class _Style(NamedTuple):
    """How a style plays. Times are in quarter notes unless stated otherwise."""

    weights: dict[str, float]  # of its rules, in velocity
    noise: float  # standard deviation of the velocity noise
    tempo: float  # quarter notes per minute
    rubato: float  # share by which the middle of a phrase is faster than its ends
    last_tempo: float  # tempo at the end of the final ritard, as a share of ``tempo``
    swing: float  # delay of the eighths between the beats
    lead: float  # how much earlier the top line is than the others
    held: tuple[float, float]  # share of its duration for which a note is held: bottom line, others


_STYLES = {
    "synthetic-lyrical": _Style(
        {"octave": 5, "top": 9, "bottom": 1, "metre": 6, "length": 2.5, "arch": 12},
        noise=1.5,
        tempo=72,
        rubato=0.16,
        last_tempo=0.5,
        swing=0.0,
        lead=0.025,
        held=(1.0, 1.0),
    ),
    "synthetic-stride": _Style(
        {
            "octave": -3,
            "top": 4,
            "bottom": 5,
            "bottom metre": 11,
            "back beat": 9,
            "off beat": 7,
            "length": -2,
            "answer": -6,
        },
        noise=1.5,
        tempo=132,
        rubato=0.02,
        last_tempo=0.85,
        swing=0.08,
        lead=-0.01,
        held=(0.6, 0.85),
    ),
}

STYLES: tuple[str, ...] = tuple(_STYLES)
"""Names of the styles."""


class _Score(NamedTuple):
    """All notes of a score, [n] each. Times are in quarter notes from the beginning of the first bar."""

    line: NDArray[np.int64]
    pitch: NDArray[np.int64]
    onset: NDArray[np.float64]
    duration: NDArray[np.float64]
    bar: NDArray[np.float64]  # bars since the beginning, with their fractions
    beat: NDArray[np.float64]  # beats since the beginning of the bar
    num_beats: NDArray[np.int64]  # in the bar


def render(voices: Sequence[Piece], style: str, seed: int) -> Performance:
    """Render a score by rule.

    Args:
        voices: All voices of a score, from the top, each from the beginning of the score; at least one note sounds.
        style: One of STYLES.
        seed: Seed of the noise, which also depends on the score.

    Returns:
        The performance. Onsets deviate from those of the score, but round to the same steps. A note that two voices
        strike together occurs once, with the greater length and velocity. A note ends where its key is struck again.
    """
    score = _read(voices)
    playing = _STYLES[style]
    noise = stream(seed, f"rendering {style} {crc32(np.stack([score.onset, score.pitch]).tobytes())}")
    velocity = _velocity(score, playing) + noise.normal(0, playing.noise, len(score.pitch))
    onset = _performed(score, playing, noise.normal(0, 0.008, len(score.pitch)))
    end = np.maximum(onset, score.onset) + score.duration * np.where(_bottom(score), *playing.held)
    _, note = np.unique(np.stack([score.pitch, score.onset]), axis=1, return_inverse=True)
    tick = np.full(note.max() + 1, np.iinfo(np.int64).max)
    np.minimum.at(tick, note, np.rint(onset * TICKS_PER_QUARTER).astype(np.int64))
    pitch, last, loudness = np.zeros_like(tick), np.zeros_like(tick), np.zeros(len(tick))
    pitch[note] = score.pitch
    np.maximum.at(last, note, np.rint(end * TICKS_PER_QUARTER).astype(np.int64))
    np.maximum.at(loudness, note, velocity)
    again = pitch[1:] == pitch[:-1]  # notes are by pitch, then by onset
    last[:-1][again] = np.minimum(last[:-1], tick[1:])[again]
    order = np.lexsort((pitch, tick))
    tick, last = tick[order], last[order]
    return Performance(
        pitch=pitch[order].astype(np.int16),
        velocity=np.clip(np.rint(loudness[order]), 1, 127).astype(np.int16),
        onset=tick / TICKS_PER_QUARTER,
        duration=np.maximum(last - tick, 1) / TICKS_PER_QUARTER,
        seconds=_seconds(score, playing, tick / TICKS_PER_QUARTER),
        tick=tick,
    )


def _read(voices: Sequence[Piece]) -> _Score:
    sounding = [(voice.pitch != REST) & (voice.duration > 0) for voice in voices]
    pairs = list(zip(voices, sounding, strict=True))
    onset = np.concatenate([voice.onset[kept] / voice.resolution + _silence(voice) for voice, kept in pairs])
    return _Score(
        np.repeat(np.arange(len(voices)), [np.count_nonzero(kept) for kept in sounding]),
        np.concatenate([voice.pitch[kept].astype(np.int64) for voice, kept in pairs]),
        onset,
        np.concatenate([voice.duration[kept] / voice.resolution for voice, kept in pairs]),
        *_place(voices[0], onset),
    )


def _silence(voice: Piece) -> float:
    """Return the silence in quarter notes that completes the bar of a pickup."""
    pickup = voice.heading.pickup
    return float(metre_of(voice).bar_length - pickup) if pickup else 0.0


def _place(
    voice: Piece, time: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return bar, beat and number of beats in the bar at times in quarter notes, by the metres of a voice."""
    bar, beat, num_beats = np.zeros_like(time), np.zeros_like(time), np.ones(len(time), np.int64)
    bars, silence, metres = 0.0, _silence(voice), voice.heading.metres or (COMMON_TIME,)
    for index, metre in enumerate(metres):
        begin = float(metre.onset) + silence if index else 0.0
        compound = metre.beats % 3 == 0 and metre.beats // 3 > 1 and metre.unit >= _EIGHTHS  # 6/8, 9/8, 12/8
        beats = metre.beats // 3 if compound else metre.beats
        from_here = time >= begin
        bar[from_here] = bars + (time[from_here] - begin) / float(metre.bar_length)
        beat[from_here] = (bar[from_here] - np.floor(bar[from_here] + 1e-9)) * beats
        num_beats[from_here] = beats
        if index + 1 < len(metres):
            bars = np.ceil(bars + (float(metres[index + 1].onset) + silence - begin) / float(metre.bar_length) - 1e-9)
    return bar, beat, num_beats


def _velocity(score: _Score, style: _Style) -> NDArray[np.float64]:
    """Return [n] velocities without noise."""
    bottom = _bottom(score)
    beat = np.rint(score.beat).astype(np.int64)
    on_beat = np.abs(score.beat - beat) < _ROUNDING
    strength = np.select([~on_beat, beat == 0, 2 * beat == score.num_beats], [0.0, 1.0, 0.6], 0.3)
    back = on_beat & np.where(score.num_beats % 2 == 0, beat % 2 == 1, beat > 0)
    rules = {
        "octave": score.pitch / 12,
        "top": score.line == 0,
        "bottom": bottom,
        "metre": strength,  # from 0 off the beat to 1 at the beginning of a bar
        "bottom metre": strength * bottom,
        "back beat": back & ~bottom,  # beats 2 and 4 (2 and 3 of three)
        "off beat": ~on_beat,
        "length": np.log2(score.duration),
        "arch": _arch(score.bar / PHRASE_BARS),
        "answer": score.bar % PHRASE_BARS >= PHRASE_BARS / 2,
    }
    velocity = np.full(len(score.pitch), MEAN_VELOCITY)
    for name, weight in style.weights.items():
        velocity += weight * (rules[name] - rules[name].mean())
    return velocity


def _bottom(score: _Score) -> NDArray[np.bool_]:
    return (score.line == score.line.max()) & (score.line > 0)


def _arch(phrase: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return 0 at whole numbers and 1 half-way between them, along a parabola."""
    return 1 - (2 * (phrase % 1) - 1) ** 2


def _performed(score: _Score, style: _Style, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [n] performed onsets that round to the steps of the written ones."""
    step = to_step(score.onset)
    swung = np.abs(score.beat % 1 - 1 / 2) < _ROUNDING
    onset = score.onset + style.swing * swung - style.lead * (score.line == 0) + noise
    low = np.maximum(step - MAX_DEVIATION, 0)
    return np.clip(onset, low / STEPS_PER_QUARTER, (step + MAX_DEVIATION) / STEPS_PER_QUARTER)


def _seconds(score: _Score, style: _Style, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [m] the seconds of performed times, for a tempo that follows the phrases and slows down at the end."""
    last = float((score.onset + score.duration).max())
    grid = np.arange(int(last * STEPS_PER_QUARTER) + 2) / STEPS_PER_QUARTER
    order = np.argsort(score.onset, kind="stable")
    bar = np.interp(grid, score.onset[order], score.bar[order])
    tempo = style.tempo * (1 + style.rubato * (_arch(bar / PHRASE_BARS) - 1 / 2))
    to_end = np.clip((last - grid) / FINAL_QUARTERS, 0, 1)
    tempo *= np.sqrt(style.last_tempo**2 + (1 - style.last_tempo**2) * to_end)
    return np.interp(time, grid, np.concatenate([[0], np.cumsum(15 / tempo[:-1])]))
