"""Rules that exclude performances."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_prep.performances.filters import GRIDS, MIN_NEAR_SHARE, MIN_NOTES, broken_rule, near_share
from data_prep.performances.reader import DEFAULT_TEMPO, PlayedFile, read
from data_prep.randomness import stream
from data_prep.readers.beats import read as read_beats

Event = tuple[int, bytes]

FOUR_FOUR = b"\xff\x58\x04\x04\x02\x18\x08"
THREE_FOUR = b"\xff\x58\x04\x03\x02\x18\x08"


@pytest.fixture(scope="session")
def played(midi: Callable[..., bytes], strike: Callable[..., list[Event]]) -> Callable[..., PlayedFile]:
    """Read a file of quarter notes with additional events, at 120 ticks per quarter note."""

    def make(*more: Event, ticks: Sequence[int] | None = None, velocities: int = 30, form: int = 1) -> PlayedFile:
        onsets = [120 * index for index in range(40)] if ticks is None else ticks
        notes = [
            event
            for index, tick in enumerate(onsets)
            for event in strike(40 + index % 50, tick, tick + 10, velocity=50 + index % velocities)
        ]
        return read(midi([*more, *notes], form=form))

    return make


def _reason(file: PlayedFile, beats: str | None = None) -> tuple[str, str] | None:
    return broken_rule(file, file.performance, None if beats is None else read_beats(beats))


def test_a_performance_that_breaks_no_rule(played: Callable[..., PlayedFile]) -> None:
    assert _reason(played()) is None
    assert _reason(played((0, FOUR_FOUR), (480, FOUR_FOUR), form=0)) is None


def test_each_rule_gives_a_reason(played: Callable[..., PlayedFile]) -> None:
    violin = [(0, b"\xc3\x28"), (0, b"\x93\x3c\x40"), (60, b"\x83\x3c\x00")]
    assert _reason(played(form=2)) == ("not of format 0 or 1", "format 2; only formats 0 and 1 are used")
    assert _reason(played(*violin)) == (
        "other instruments",
        "program 40 in addition to the piano; only a single piano is used",
    )
    assert _reason(played((0, THREE_FOUR))) == ("not in 4/4", "3/4 from bar 1; only 4/4 is used")
    assert _reason(played((4 * 480, THREE_FOUR))) == ("not in 4/4", "3/4 from bar 5; only 4/4 is used")
    assert _reason(played((4 * 480 + 120, FOUR_FOUR))) == (
        "not in 4/4",
        "a time signature inside bar 5; only whole bars of 4/4 are used",
    )
    assert _reason(played(velocities=14)) == ("few velocities", "14 distinct velocities; at least 20 are needed")
    few = [120 * index for index in range(MIN_NOTES - 1)]
    assert _reason(played(ticks=few)) == ("few notes", "31 notes; at least 32 are needed")
    assert _reason(played(ticks=[*few, 120 * len(few)])) is None
    late = [*(120 * index for index in range(40)), 120 * 4 * 2048 - 10]
    assert _reason(played(ticks=late)) is None
    late[-1] += 480
    assert _reason(played(ticks=late)) == (
        "too long",
        "it lasts 2049 bars of four quarter notes; at most 2048 fit on a grid",
    )


def _beats(*bars: int, metre: str = "") -> str:
    labels = [label for length in bars for label in ("db", *("b",) * (length - 1))]
    labels[0] += metre
    return "".join(f"{0.5 * index}\t{0.5 * index}\t{label}\n" for index, label in enumerate(labels))


@pytest.mark.parametrize(
    ("beats", "reason"),
    [
        (_beats(4, 4, 4), None),
        (_beats(4, 4, 4, metre=",4/4,-3"), None),
        (_beats(3, 3, metre=",3/4,0"), "3/4 from bar 1; only 4/4 is used"),
        (_beats(4, 4, 3, 4), "3 beats in bar 3; only 4/4 is used"),
        (_beats(4, 4) + "4.5\t4.5\tbR\n", "a free rhythm in bar 2; only 4/4 is used"),
    ],
)
def test_annotated_beats_determine_the_metre(beats: str, reason: str | None, played: Callable[..., PlayedFile]) -> None:
    broken = _reason(played((0, THREE_FOUR)), beats)  # the metre of the file is not used
    assert broken == (None if reason is None else ("not in 4/4", reason))


def test_a_dummy_tempo_is_detected_by_onsets_off_the_grid(played: Callable[..., PlayedFile]) -> None:
    ticks = np.sort(stream(0, "onsets").choice(120 * 200, 800, replace=False)).tolist()
    rule, reason = _reason(played(ticks=ticks)) or ("", "")
    assert rule == "dummy tempo"
    assert "one tempo throughout, and 6" in reason
    assert reason.endswith("add its beats, as X_annotations.txt next to X.mid")
    several = [(0, b"\xff\x51\x03\x07\xa1\x20"), (480, b"\xff\x51\x03\x07\xa1\x00")]
    assert _reason(played(*several, ticks=ticks)) is None
    assert _reason(played(ticks=ticks), _beats(4, 4)) is None


@pytest.mark.parametrize("cell", [120, 60, 30, 15, 40, 20])
def test_written_music_is_on_a_grid(cell: int, played: Callable[..., PlayedFile]) -> None:
    assert _reason(played(ticks=[cell * index for index in range(200)])) is None


def test_three_fifths_of_random_onsets_are_near_any_grid() -> None:
    onset = stream(0, "onsets").random(100_000) * 1000
    for lines in GRIDS:
        naive = np.mean([min(place % 1, 1 - place % 1) < 0.3 for place in (onset * lines).tolist()])
        assert near_share(onset, lines) == naive
        assert abs(naive - 0.6) < 0.01


def test_real_performances_are_used_but_not_with_a_dummy_tempo(real_performances: Path) -> None:
    false_alarms = hits = num_files = 0
    for path in sorted(real_performances.rglob("*.mid")):
        file = read(path.read_bytes())
        assert broken_rule(file, file.performance, None) is None
        dummy = replace(file.performance, onset=np.rint(file.performance.seconds * 960) / 480)
        one_tempo = replace(file, performance=dummy, tempos=(DEFAULT_TEMPO,))
        hits += (broken_rule(one_tempo, dummy, None) or ("",))[0] == "dummy tempo"
        false_alarms += max(near_share(file.performance.onset, lines) for lines in GRIDS) < MIN_NEAR_SHARE
        num_files += 1
    assert num_files > 100
    assert hits == num_files
    assert false_alarms <= 0.03 * num_files  # if these had only one tempo
