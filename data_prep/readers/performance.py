# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (symusic's stubs leave its arrays untyped)
"""Performances out of MIDI files, through symusic: the piano's notes with their velocities, ticks and seconds.

The piano is what programs 0 to 7 play outside the drum channel, all of it one instrument: a key has one string to
strike. So a note ends where its key is released, or struck again if that comes first. Of strikes of one key at one
tick the loudest counts.

symusic is taken because it keeps ticks as they stand and is fast: 175 real performances of 375,000 notes take it 0.1 s,
and pretty_midi, which turns ticks into seconds and gives the same notes, 8 s.

A strike that is never released is dropped by symusic. Each track is therefore closed with a release of every key; what
that adds is counted as unended, and each such note lasts to its key's next strike or the track's end.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.performances import Performance
from data_prep.readers.chunks import check_chunks, chunks

PIANO_PROGRAMS = range(8)
"""General MIDI's programs, from 0, that are pianos."""

MAX_NOTES = 200_000
"""Ten hours of playing are no performance."""

MAX_TRACKS = 1000
"""Each is closed with releases, which take room."""

MAX_UNENDED_SHARE = 0.1
"""Of notes that are never released: a few are a slip of a recorder, more are no notes."""

DEFAULT_TEMPO = 500_000
"""Microseconds of a quarter note where a file says nothing, as MIDI's standard says."""

_NUM_CHANNELS, _NUM_KEYS = 16, 128
_RELEASE_ALL = b"".join(
    bytes([0, 0x80 | channel, key, 0]) for channel in range(_NUM_CHANNELS) for key in range(_NUM_KEYS)
)
_END_OF_TRACK = b"\xff\x2f\x00"
_EMPTY_TEXT = b"\xff\x01\x00"


@dataclass(frozen=True)
class TimeSignature:
    """A time signature from a tick on."""

    tick: int
    beats: int
    unit: int


@dataclass(frozen=True)
class PlayedFile:
    """What a file comes to.

    Attributes:
        performance: The piano's notes; quarter notes and bars as the file's ticks count them.
        release: [n] float64, seconds in which the notes end.
        format: MIDI's format: 0 one track, 1 simultaneous tracks, 2 successive ones.
        resolution: Ticks in a quarter note.
        signatures: Time signatures in their order; empty where the file has none.
        tempos: Distinct tempos, in microseconds of a quarter note.
        others: What else plays ("program 40", "drums").
        num_unended: Notes that were never released.
    """

    performance: Performance
    release: NDArray[np.float64]
    format: int
    resolution: int
    signatures: tuple[TimeSignature, ...]
    tempos: tuple[int, ...]
    others: tuple[str, ...]
    num_unended: int


def read(data: bytes) -> PlayedFile:
    """Read a file.

    Args:
        data: Its contents.

    Returns:
        The piano's notes, and what tells whether they are a performance that can be used.

    Raises:
        ValueError: If it is no MIDI file, is cut short or damaged, counts seconds instead of beats, has no notes or
            none of a piano, more than MAX_NOTES or MAX_TRACKS, a tempo of 0, or too many notes that never end. The
            message is one line.
    """
    check_chunks(data)
    num_tracks = sum(name == b"MTrk" for name, _ in chunks(data))
    if num_tracks > MAX_TRACKS:
        raise ValueError(f"it has {num_tracks} tracks; at most {MAX_TRACKS} are read")
    resolution = int.from_bytes(data[12:14], "big")
    if resolution & 0x8000:
        raise ValueError("its clock counts parts of seconds, so there are no beats to read notes by")
    if resolution == 0:
        raise ValueError("its clock has no ticks: 0 ticks a quarter note")
    score, num_unended = _ended(data)
    num_notes = score.note_num()
    if num_notes == 0:
        raise ValueError("there are no notes in it")
    if num_notes > MAX_NOTES:
        raise ValueError(f"it has {num_notes} notes; at most {MAX_NOTES} are read")
    if num_unended > max(1, MAX_UNENDED_SHARE * num_notes) or num_unended == num_notes:
        raise ValueError(f"{num_unended} of its {num_notes} notes never end")
    pianos = [track for track in score.tracks if not track.is_drum and track.program in PIANO_PROGRAMS]
    others = _names(track for track in score.tracks if track.is_drum or track.program not in PIANO_PROGRAMS)
    tick, end, pitch, velocity = _notes([track.notes.numpy() for track in pianos])
    if not len(tick):
        raise ValueError(f"there is no piano in it (programs 0 to 7), only {', '.join(others)}")
    tempos = [(event.time, event.mspq) for event in score.tempos]
    performance = Performance(
        pitch=pitch,
        velocity=velocity,
        onset=tick / resolution,
        duration=(end - tick) / resolution,
        seconds=_seconds(tick, tempos, resolution),
        tick=tick,
    )
    return PlayedFile(
        performance=performance,
        release=_seconds(end, tempos, resolution),
        format=int.from_bytes(data[8:10], "big"),
        resolution=resolution,
        signatures=tuple(
            TimeSignature(event.time, event.numerator, event.denominator) for event in score.time_signatures
        ),
        tempos=tuple(sorted({tempo for _, tempo in tempos})) or (DEFAULT_TEMPO,),
        others=others,
        num_unended=num_unended,
    )


def with_beats(file: PlayedFile, onset: NDArray[np.float64], end: NDArray[np.float64]) -> Performance:
    """Give a file's performance with other quarter notes than its ticks count, as annotated beats give them.

    Args:
        file: The file.
        onset: [n] quarter notes.
        end: [n] quarter notes, each later than its onset.

    Returns:
        The performance.
    """
    return replace(file.performance, onset=onset, duration=end - onset)


def _parse(data: bytes) -> Any:
    from symusic import Score  # noqa: PLC0415  (a warm start reads no file)

    try:
        return Score.from_midi(data)
    except Exception as error:  # noqa: BLE001  (whatever a damaged file makes of the parser)
        text = " ".join(str(error).split()).removeprefix("MiniMidi: ").removesuffix(": iostream error")
        raise ValueError(f"it is a damaged MIDI file: {text or type(error).__name__}") from None


def _ended(data: bytes) -> tuple[Any, int]:
    """Give the score in which every note ends, and how many had to be ended: each release ends one strike of a key."""
    score = released = _parse(data)
    for times in (1, 2, 4, 8, 16):
        before, score = score, _parse(_closed(data, times))
        if score.note_num() == before.note_num():
            return score, score.note_num() - released.note_num()
    raise ValueError("its notes never end: it strikes a key more than 8 times without releasing it")


def _closed(data: bytes, times: int) -> bytes:
    """Release every key of every channel so many times at the end of every track."""
    parts: list[bytes] = []
    for name, contents in chunks(data):
        body = contents
        if name == b"MTrk":
            # the end's own delta time is kept: a text that says nothing stands in its place
            body = body[: -len(_END_OF_TRACK)] + _EMPTY_TEXT if body.endswith(_END_OF_TRACK) else body
            body += _RELEASE_ALL * times + b"\x00" + _END_OF_TRACK
        parts += [name, len(body).to_bytes(4, "big"), body]
    return b"".join(parts)


def _names(tracks: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({"drums" if track.is_drum else f"program {track.program}" for track in tracks if track.notes}))


def _notes(
    tracks: list[dict[str, NDArray[Any]]],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int16], NDArray[np.int16]]:
    """[n] tick, end, pitch and velocity of what is struck, by (tick, pitch)."""
    none = np.array([], np.int64)
    tick, length, pitch, velocity = (
        np.concatenate([none, *(track[name].astype(np.int64) for track in tracks)])
        for name in ("time", "duration", "pitch", "velocity")
    )
    if np.any(tick < 0) or np.any(length < 0):
        raise ValueError("it is longer than 2147483647 ticks")
    by_key = np.lexsort((-velocity, tick, pitch))
    span = int((tick + length).max(initial=0)) + 2
    strike = (pitch * span + tick)[by_key]
    first = np.concatenate([[True], strike[1:] != strike[:-1]])[: len(strike)]
    strike, kept = strike[first], by_key[first]
    tick, pitch, velocity = tick[kept], pitch[kept], velocity[kept]
    # ends come paired first in, first out; who is released by which is decided anew, by key and time
    release = np.sort(_releases(tracks, span))
    end = np.append(release, -1)[np.searchsorted(release, strike, "right")]
    end = np.where(end // span == pitch, end % span, tick + 1)
    following = np.append(strike[1:], -1)
    end = np.where(following // span == pitch, np.minimum(end, following % span), end)
    order = np.lexsort((pitch, tick))
    return tick[order], end[order], pitch[order].astype(np.int16), velocity[order].astype(np.int16)


def _releases(tracks: list[dict[str, NDArray[Any]]], span: int) -> NDArray[np.int64]:
    """[m] pitch * span + tick of every release that ends a note later than its strike."""
    ends = [
        (track["pitch"].astype(np.int64) * span + track["time"] + track["duration"])[track["duration"] > 0]
        for track in tracks
    ]
    return np.concatenate([np.array([], np.int64), *ends])


def _seconds(tick: NDArray[np.int64], tempos: list[tuple[int, int]], resolution: int) -> NDArray[np.float64]:
    """[n] the seconds of ticks; symusic's own are of single precision."""
    for at, tempo in tempos:
        if tempo == 0:
            raise ValueError(f"its tempo is 0 microseconds a quarter note at tick {at}")
    known = {0: DEFAULT_TEMPO, **dict(sorted(tempos, key=itemgetter(0)))}  # the last of one tick counts
    begin = np.array(list(known), np.int64)
    second_per_tick = np.array(list(known.values())) / (1e6 * resolution)
    begin_second = np.concatenate([[0.0], np.cumsum(np.diff(begin) * second_per_tick[:-1])])
    index = np.searchsorted(begin, tick, "right") - 1
    return begin_second[index] + (tick - begin[index]) * second_per_tick[index]
