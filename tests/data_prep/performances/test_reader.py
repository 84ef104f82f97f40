# pyright: reportMissingTypeStubs=false
# (pretty_midi has no types)
"""Reading performances from MIDI files: keys struck and released, ticks and seconds, and invalid files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pretty_midi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.performances.arrays import Performance
from data_prep.performances.reader import PlayedFile, read

Event = tuple[int, bytes]
Midi = Callable[..., bytes]
Strike = Callable[..., list[Event]]


def _on(pitch: int, tick: int, velocity: int = 80, channel: int = 0) -> Event:
    return tick, bytes([0x90 | channel, pitch, velocity])


def _off(pitch: int, tick: int, channel: int = 0) -> Event:
    return tick, bytes([0x80 | channel, pitch, 0])


def _tempo(microseconds: int, tick: int) -> Event:
    return tick, b"\xff\x51\x03" + microseconds.to_bytes(3, "big")


def _program(program: int, channel: int = 0) -> Event:
    return 0, bytes([0xC0 | channel, program])


def _notes(file: PlayedFile) -> list[tuple[int, int, int, int]]:
    """Return (tick, ticks of length, pitch, velocity) of each note."""
    performance = file.performance
    length = np.rint(performance.duration * file.resolution).astype(int).tolist()
    columns = (performance.tick.tolist(), length, performance.pitch.tolist(), performance.velocity.tolist())
    return list(zip(*columns, strict=True))


def test_notes_are_read_in_ticks_quarter_notes_and_seconds(midi: Midi) -> None:
    events = [_tempo(500_000, 0), _tempo(250_000, 120), _on(60, 60, 90), _off(60, 180), _on(64, 240, 1), _off(64, 250)]
    file = read(midi(events))
    assert _notes(file) == [(60, 120, 60, 90), (240, 10, 64, 1)]
    assert file.performance.onset.tolist() == [0.5, 2.0]
    assert file.performance.seconds.tolist() == [0.25, 0.75]
    assert file.release[0] == 0.625
    assert file.tempos == (250_000, 500_000)
    assert (file.format, file.resolution, file.others, file.num_unended) == (1, 120, (), 0)


def test_of_several_tempos_at_one_tick_the_last_applies(midi: Midi) -> None:
    file = read(midi([_tempo(900_000, 0), _tempo(300_000, 0), _on(60, 120), _off(60, 180)]))
    assert file.performance.seconds.tolist() == [0.3]


def test_the_default_tempo_is_two_quarter_notes_per_second(midi: Midi) -> None:
    assert read(midi([_on(60, 240), _off(60, 260), _tempo(10**6, 260)])).performance.seconds.tolist() == [1.0]


def test_pianos_of_all_tracks_and_channels_are_one_instrument(midi: Midi) -> None:
    right = [_program(0), _on(72, 0), _off(72, 50), _on(60, 100), _off(60, 400)]
    left = [_program(7, 3), _on(48, 0, channel=3), _off(48, 90, channel=3), _on(60, 200, 99, 3), _off(60, 300, 3)]
    file = read(midi(right, left))
    # the left hand strikes and releases a key that the right hand holds
    assert _notes(file) == [(0, 90, 48, 80), (0, 50, 72, 80), (100, 100, 60, 80), (200, 100, 60, 99)]


def test_a_program_applies_to_its_channel_in_all_tracks_from_its_tick_on(midi: Midi) -> None:
    notes = [_on(60, 0), _off(60, 60), _on(62, 120), _off(62, 180), _on(64, 240), _off(64, 300)]
    changes = [(100, b"\xc0\x28"), (200, b"\xc0\x05")]
    for tracks in ((changes, notes), (notes, changes)):
        file = read(midi(*tracks))
        assert [note[2] for note in _notes(file)] == [60, 64]
        assert file.others == ("program 40",)
    with pytest.raises(ValueError, match="channel 1 plays program 40"):
        read(midi([_program(40)], notes))
    assert [note[2] for note in _notes(read(midi([_program(40)], notes, form=2)))] == [60, 62, 64]


def test_drums_without_an_end_are_ignored(midi: Midi) -> None:
    file = read(midi([_on(60, 0), _off(60, 60), *(_on(36, 10 * hit, channel=9) for hit in range(20))]))
    assert (file.num_unended, file.others) == (0, ("drums",))


def test_other_instruments_are_listed_but_not_read(midi: Midi) -> None:
    others = [_program(40, 1), _on(70, 0, channel=1), _off(70, 60, channel=1), _on(36, 0, channel=9), _off(36, 9, 9)]
    file = read(midi([_on(60, 0), _off(60, 60), *others]))
    assert [note[2] for note in _notes(file)] == [60]
    assert file.others == ("drums", "program 40")


def test_a_note_ends_where_its_key_is_struck_again(midi: Midi) -> None:
    file = read(midi([_on(60, 0), _on(60, 100, 90), _off(60, 200), _off(60, 250)]))
    assert _notes(file) == [(0, 100, 60, 80), (100, 100, 60, 90)]


def test_of_several_strikes_at_one_tick_the_loudest_is_kept(midi: Midi) -> None:
    file = read(midi([_on(60, 0, 40), _on(60, 0, 90), _on(60, 0, 50), _off(60, 60), _off(60, 60), _off(60, 60)]))
    assert _notes(file) == [(0, 60, 60, 90)]


def test_a_note_without_length_lasts_one_tick(midi: Midi) -> None:
    file = read(midi([_on(60, 100), _off(60, 100), _on(62, 100), _off(62, 160)]))
    assert _notes(file) == [(100, 1, 60, 80), (100, 60, 62, 80)]


def test_a_note_without_an_end_lasts_until_the_next_strike_of_its_key(midi: Midi) -> None:
    file = read(
        midi([_on(60, 0), _on(60, 100), _off(60, 200), _on(60, 300), _off(60, 400), _on(62, 400), _off(62, 480)])
    )
    assert _notes(file) == [(0, 100, 60, 80), (100, 100, 60, 80), (300, 100, 60, 80), (400, 80, 62, 80)]
    assert file.num_unended == 1


def test_a_note_without_an_end_lasts_until_the_end_of_the_track(midi: Midi) -> None:
    file = read(midi([_on(60, 0), _on(62, 0), _off(62, 100), (500, b"\xff\x01\x01x")]))
    assert _notes(file) == [(0, 500, 60, 80), (0, 100, 62, 80)]


def _naive(events: list[tuple[int, int, bool]]) -> list[tuple[int, int, int]]:
    """Return (tick, pitch, end) by going through (tick, pitch, whether struck) in their order."""
    sounding: dict[int, int] = {}
    notes: list[tuple[int, int, int]] = []
    last = max(tick for tick, _, _ in events)
    for tick, pitch, struck in events:
        if pitch in sounding:
            notes.append((sounding.pop(pitch), pitch, tick))
        if struck:
            sounding[pitch] = tick
    return sorted([*notes, *((tick, pitch, max(last, tick + 1)) for pitch, tick in sounding.items())])


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(60, 62), st.booleans()), min_size=1, max_size=20))
def test_notes_equal_those_of_a_naive_reader(midi: Midi, steps: list[tuple[int, int, bool]]) -> None:
    now, events = 0, list[tuple[int, int, bool]]()
    for step, pitch, struck in steps:
        now += step
        events.append((now, pitch, struck))
    # four hundred notes of another key, so that those without an end are few
    others = [event for at in range(400) for event in (_on(70, 2 * at), _off(70, 2 * at + 1))]
    own = [_on(pitch, tick) if struck else _off(pitch, tick) for tick, pitch, struck in events]
    data = midi(own, others)
    file = read(data)
    actual = [(tick, pitch, tick + length) for tick, length, pitch, _ in _notes(file) if pitch != 70]
    assert actual == _naive(events)


def test_real_files_are_read_as_by_pretty_midi(real_performances: Path) -> None:
    files = sorted(real_performances.rglob("*.mid"))
    for path in files[:: len(files) // 5 + 1]:
        played = read(path.read_bytes())
        (instrument,) = cast("Any", pretty_midi).PrettyMIDI(str(path)).instruments
        expected = sorted((note.start, note.pitch, note.velocity, note.end) for note in instrument.notes)
        start, pitch, velocity, end = np.array(expected).T
        assert np.array_equal(played.performance.pitch, pitch)
        assert np.array_equal(played.performance.velocity, velocity)
        assert np.allclose(played.performance.seconds, start, rtol=0, atol=1e-6)
        assert np.allclose(played.release, end, rtol=0, atol=1e-6)


def _is_sound(performance: Performance) -> bool:
    order = np.lexsort((performance.pitch, performance.tick))
    return bool(
        np.array_equal(order, np.arange(performance.num_notes))
        and np.all(performance.duration > 0)
        and np.all((performance.velocity >= 1) & (performance.velocity <= 127))
        and np.all((performance.pitch >= 0) & (performance.pitch <= 127))
        and np.all(np.isfinite(performance.seconds))
        and np.all(np.diff(performance.seconds) >= 0)
    )


def _read_or_reason(data: bytes) -> tuple[PlayedFile | None, str]:
    try:
        return read(data), ""
    except ValueError as error:
        return None, str(error)


_MUTATIONS = st.lists(
    st.tuples(st.sampled_from(["set", "cut", "insert", "truncate"]), st.floats(0, 1), st.integers(0, 255)),
    min_size=1,
    max_size=6,
)


@given(_MUTATIONS, st.booleans())
def test_a_damaged_file_is_read_or_rejected_in_one_line(
    midi: Midi, strike: Strike, mutations: list[tuple[str, float, int]], with_right_lengths: bool
) -> None:
    events = [event for at in range(12) for event in strike(60 + at % 5, 60 * at, 60 * at + 50)]
    signatures = [_tempo(400_000, 0), (0, b"\xff\x58\x04\x04\x02\x18\x08"), (3, b"\xf0\x03\x41\x42\xf7")]
    data = bytearray(midi([*signatures, (5, b"\xb0\x40\x7f"), *events]))
    begin = 22 if with_right_lengths else 0  # after the header and the track's length, which is corrected below
    for kind, where, value in mutations:
        if len(data) <= begin:
            break  # nothing is left
        at = min(begin + int(where * (len(data) - begin)), len(data) - 1)
        if kind == "set":
            data[at] = value
        elif kind == "cut":
            del data[at : at + 1 + value % 8]
        elif kind == "insert":
            data[at:at] = bytes([value, 255 - value])
        elif len(data) > begin + 8:
            del data[max(at, begin + 1) :]
    if with_right_lengths and len(data) >= begin:
        data[18:22] = (len(data) - 22).to_bytes(4, "big")
    file, reason = _read_or_reason(bytes(data))
    assert (file is None) == bool(reason.strip())
    assert "\n" not in reason
    assert file is None or _is_sound(file.performance)


def test_a_truncated_file(performed: Callable[..., bytes]) -> None:
    data = performed(1)
    for length in range(4, len(data), 7):
        with pytest.raises(ValueError, match="it is cut short: "):
            read(data[:length])


_TEMPO_ZERO = [_tempo(500_000, 0), _tempo(0, 240), _on(60, 0), _off(60, 300)]
_UNENDED = [_on(50 + index, 10 * index) for index in range(20)]
_DRUMS = [_on(36, 0, channel=9), _off(36, 60, channel=9)]
_VIOLIN = [_program(40), _on(60, 0), _off(60, 60)]


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], "there are no notes in it"),
        (_DRUMS, r"there is no piano in it \(programs 0 to 7\): channel 10 plays drums"),
        (_VIOLIN, r"there is no piano in it \(programs 0 to 7\): channel 1 plays program 40"),
        (
            [event for channel in range(9) for event in (_program(70 + channel, channel), _on(60, 0, channel=channel))],
            r"channel 4 plays program 73, and 5 more$",
        ),
        (_TEMPO_ZERO, "its tempo is 0 microseconds per quarter note at tick 240"),
        (_UNENDED, "20 of its 20 notes never end"),
        ([*_UNENDED, _off(50, 500)], "19 of its 20 notes never end"),
        ([(0, b"\x90\x3c\xff")], "it is broken: "),
    ],
)
def test_files_that_cannot_be_used_are_rejected(events: list[Event], reason: str, midi: Midi) -> None:
    with pytest.raises(ValueError, match=reason):
        read(midi(events))
