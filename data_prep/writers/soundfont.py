"""Synthesise notes of a SoundFont's presets: samples shifted in pitch, looped, and shaped in loudness.

Symbols: a cent is 1/100 of a semitone; times are stored as timecents, 2**(timecents / 1200) seconds, loudness as
centibels, 10**(-centibels / 200) of full amplitude; n samples of a note at RATE.

This implements the parts of the standard that make a tune sound like its instrument: samples, key and velocity ranges,
tuning, loops, the volume envelope, vibrato, and the low-pass filter at the maximum of its envelope. It omits the
closing of that filter, which short notes do not reach, and effects: panning, reverberation, chorus.

Source: SoundFont Technical Specification 2.04 (E-mu Systems, 2006): generators by number (8.1.2), envelopes (9.1.6),
zones (7.3, 7.7).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RATE = 44100
"""Samples per second."""

_HEADER = np.dtype([("name", "S20"), ("preset", "<u2"), ("bank", "<u2"), ("zone", "<u2"), ("unused", "<u4", 3)])
_INSTRUMENT = np.dtype([("name", "S20"), ("zone", "<u2")])
_ZONE = np.dtype([("generator", "<u2"), ("modulator", "<u2")])
_GENERATOR = np.dtype([("number", "<u2"), ("amount", "<i2")])
_SAMPLE = np.dtype(
    [
        ("name", "S20"),
        ("begin", "<u4"),
        ("end", "<u4"),
        ("loop_begin", "<u4"),
        ("loop_end", "<u4"),
        ("rate", "<u4"),
        ("key", "u1"),
        ("cents", "i1"),
        ("link", "<u2"),
        ("kind", "<u2"),
    ]
)

_INSTRUMENT_OF, _SAMPLE_OF, _KEYS, _VELOCITIES = 41, 53, 43, 44
_LOOP_BEGIN, _LOOP_END = 2, 3
_VIBRATO_CENTS, _FILTER_CENTS, _FILTER_ENVELOPE_CENTS = 5, 8, 11
_VIBRATO_DELAY, _VIBRATO_CENTS_ABOVE = 21, 22
_ATTACK, _HOLD, _DECAY, _SUSTAIN, _RELEASE = 34, 35, 36, 37, 38
_ATTENUATION, _COARSE, _FINE, _LOOPS, _CENTS_A_KEY, _ROOT = 48, 51, 52, 54, 56, 58

_DEFAULTS = {
    _FILTER_CENTS: 13500,
    _VIBRATO_DELAY: -12000,
    _ATTACK: -12000,
    _HOLD: -12000,
    _DECAY: -12000,
    _RELEASE: -12000,
    _CENTS_A_KEY: 100,
    _ROOT: -1,
}
"""Defaults of the generators that are not 0."""

_OF_INSTRUMENTS_ALONE = {_LOOP_BEGIN, _LOOP_END, _LOOPS, _ROOT, _KEYS, _VELOCITIES}
"""Generators to which a preset does not add."""

_LOWEST_HERTZ = 8.176
"""Frequency of MIDI key 0, from which absolute cents count."""

_SILENT = 1000
"""Centibels at which a release ends."""

_ATTENUATION_HEARD = 0.4
"""Share of a font's attenuation that is applied, as in the synthesizers for which fonts are made."""


@dataclass(frozen=True)
class _Sound:
    """One zone of an instrument: a sample and its generators."""

    sample: NDArray[np.float64]
    loop: tuple[int, int] | None
    rate: int
    root: int
    cents: int
    generator: Mapping[int, int]

    def seconds(self, number: int) -> float:
        return 2 ** (self.generator[number] / 1200)


class SoundFont:
    """The presets of a SoundFont file."""

    def __init__(self, path: Path) -> None:
        """Open a file in the format SoundFont 2."""
        data = path.read_bytes()
        chunks = dict(_chunks(data, 12, len(data)))
        tables = {b"phdr": _HEADER, b"pbag": _ZONE, b"pgen": _GENERATOR, b"inst": _INSTRUMENT, b"ibag": _ZONE}
        tables |= {b"igen": _GENERATOR, b"shdr": _SAMPLE}
        self._tables: dict[bytes, NDArray[Any]] = {
            name: np.frombuffer(data[slice(*chunks[name])], kind) for name, kind in tables.items()
        }
        self._samples = np.frombuffer(data[slice(*chunks[b"smpl"])], "<i2")

    def play(self, program: int, key: int, velocity: int, seconds: float) -> NDArray[np.float64]:
        """Play a note.

        Args:
            program: MIDI program from 0, a preset of the first bank.
            key: MIDI pitch.
            velocity: MIDI velocity.
            seconds: Duration for which the note is held (seconds).

        Returns:
            [n] the sound with its release; silence if the preset has no sample for the key.
        """
        played = [_play(sound, key, velocity, seconds) for sound in self._sounds(program, key, velocity)]
        mixed = np.zeros(max((len(sound) for sound in played), default=round(seconds * RATE)))
        for sound in played:
            mixed[: len(sound)] += sound
        return mixed

    def _sounds(self, program: int, key: int, velocity: int) -> Iterator[_Sound]:
        headers = self._tables[b"phdr"]
        for number in np.flatnonzero((headers["preset"] == program) & (headers["bank"] == 0))[:1]:
            for preset in self._zones(b"p", headers, int(number), _INSTRUMENT_OF, key, velocity):
                instruments = self._tables[b"inst"]
                for zone in self._zones(b"i", instruments, preset[_INSTRUMENT_OF], _SAMPLE_OF, key, velocity):
                    added = {number: value for number, value in preset.items() if number not in _OF_INSTRUMENTS_ALONE}
                    yield self._sound(_DEFAULTS | zone, added)

    def _zones(
        self, kind: bytes, owners: NDArray[Any], owner: int, leads_to: int, key: int, velocity: int
    ) -> Iterator[dict[int, int]]:
        """Yield the generators of an owner's zones that contain a note, with the defaults of the owner."""
        zones, generators = self._tables[kind + b"bag"], self._tables[kind + b"gen"]
        for_all: dict[int, int] = {}
        for zone in range(int(owners["zone"][owner]), int(owners["zone"][owner + 1])):
            part = generators[int(zones["generator"][zone]) : int(zones["generator"][zone + 1])]
            own = {int(number): int(amount) for number, amount in part}
            if leads_to not in own:
                for_all = own
            elif _inside(key, (for_all | own).get(_KEYS)) and _inside(velocity, (for_all | own).get(_VELOCITIES)):
                yield for_all | own

    def _sound(self, zone: dict[int, int], added: Mapping[int, int]) -> _Sound:
        header = self._tables[b"shdr"][zone[_SAMPLE_OF]]
        begin, end = int(header["begin"]), int(header["end"])
        loop = (
            int(header["loop_begin"]) - begin + zone.get(_LOOP_BEGIN, 0),
            int(header["loop_end"]) - begin + zone.get(_LOOP_END, 0),
        )
        loops = zone.get(_LOOPS, 0) & 1 and 0 <= loop[0] < loop[1] <= end - begin
        numbers = {_VIBRATO_CENTS, _FILTER_ENVELOPE_CENTS, _VIBRATO_CENTS_ABOVE, _SUSTAIN, _ATTENUATION, _COARSE, _FINE}
        return _Sound(
            sample=self._samples[begin:end].astype(np.float64) / 32768,
            loop=loop if loops else None,
            rate=int(header["rate"]),
            root=zone[_ROOT] if zone[_ROOT] >= 0 else int(header["key"]),
            cents=int(header["cents"]),
            generator={number: zone.get(number, 0) + added.get(number, 0) for number in numbers | set(_DEFAULTS)},
        )


def _chunks(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """Yield the name and position of each chunk of a RIFF file, including the chunks in lists."""
    while begin + 8 <= end:
        name, size = data[begin : begin + 4], int.from_bytes(data[begin + 4 : begin + 8], "little")
        if name == b"LIST":
            yield from _chunks(data, begin + 12, begin + 8 + size)
        else:
            yield name, (begin + 8, begin + 8 + size)
        begin += 8 + size + size % 2


def _inside(value: int, bounds: int | None) -> bool:
    """Return whether a value is in a range, given as two bytes with the lower bound in the lower byte."""
    return bounds is None or bounds & 0xFF <= value <= bounds >> 8 & 0xFF


def _play(sound: _Sound, key: int, velocity: int, seconds: float) -> NDArray[np.float64]:
    generator = sound.generator
    held, released = round(seconds * RATE), round(sound.seconds(_RELEASE) * RATE)
    time = np.arange(held + released) / RATE
    cents = (key - sound.root) * generator[_CENTS_A_KEY] + sound.cents + 100 * generator[_COARSE] + generator[_FINE]
    step = sound.rate / RATE * 2 ** ((cents + _vibrato(sound, time)) / 1200)
    wave = _resampled(sound, np.concatenate([[0.0], np.cumsum(step[:-1])]))
    wave = _low_passed(wave, generator[_FILTER_CENTS] + max(generator[_FILTER_ENVELOPE_CENTS], 0))
    loudness = (velocity / 127) ** 2 * 10 ** (-_ATTENUATION_HEARD * generator[_ATTENUATION] / 200)
    return wave * _envelope(sound, time, held / RATE) * loudness


def _vibrato(sound: _Sound, time: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [n] the cents that vibrato adds: a triangle wave after a delay."""
    if sound.generator[_VIBRATO_CENTS] == 0:
        return np.zeros_like(time)
    phase = np.maximum(time - sound.seconds(_VIBRATO_DELAY), 0)
    phase = phase * _LOWEST_HERTZ * 2 ** (sound.generator[_VIBRATO_CENTS_ABOVE] / 1200)
    return sound.generator[_VIBRATO_CENTS] * (1 - 4 * np.abs((phase + 0.25) % 1 - 0.5))


def _resampled(sound: _Sound, place: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [n] the sample at fractional positions, linearly interpolated, looped if possible, else with silence."""
    sample = np.append(sound.sample, np.zeros(2))
    if sound.loop is not None:
        begin, end = sound.loop
        sample[end] = sample[begin]
        place = np.where(place < end, place, begin + (place - begin) % (end - begin))
    place = np.minimum(place, len(sound.sample))
    floor = place.astype(np.int64)
    return sample[floor] + (place - floor) * (sample[floor + 1] - sample[floor])


def _low_passed(wave: NDArray[np.float64], cents: int) -> NDArray[np.float64]:
    """Return [n] the low-pass filtered wave: two poles, without resonance (R. Bristow-Johnson's cookbook)."""
    from scipy import signal  # slow to import

    partly_typed: Any = signal
    hertz = _LOWEST_HERTZ * 2 ** (cents / 1200)
    if hertz >= RATE / 2.2:
        return wave
    angle = 2 * np.pi * hertz / RATE
    width, turn = np.sin(angle) / np.sqrt(2), np.cos(angle)
    above = np.array([(1 - turn) / 2, 1 - turn, (1 - turn) / 2])
    return np.asarray(partly_typed.lfilter(above, [1 + width, -2 * turn, 1 - width], wave), np.float64)


def _envelope(sound: _Sound, time: NDArray[np.float64], held: float) -> NDArray[np.float64]:
    """Return [n] amplitudes: a linear attack, a hold, and a decay and a release that are linear in centibels."""
    attack, hold, decay = (sound.seconds(number) for number in (_ATTACK, _HOLD, _DECAY))
    rate = _SILENT / decay
    fallen = np.clip((time - attack - hold) * rate, 0, max(sound.generator[_SUSTAIN], 0))
    fallen += np.maximum(time - held, 0) * _SILENT / sound.seconds(_RELEASE)
    return np.minimum(np.minimum(time, held) / attack, 1) * 10 ** (-fallen / 200)
