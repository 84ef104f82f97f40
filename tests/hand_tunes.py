"""Tunes by hand and by chance, and what they come to once they are written and read again."""

from collections.abc import Sequence
from fractions import Fraction

from hypothesis import strategies as st

from data_prep.pitches import REST
from data_prep.tunes.notation import MODES, Tune

EIGHTH = Fraction(1, 2)
THIRD = Fraction(1, 3)


def in_eighths(notes: str) -> tuple[tuple[int, ...], tuple[Fraction, ...]]:
    """Read "62:2 66 -:3": MIDI pitches or - for a rest, each with its length in eighths where that is not 1."""
    rows = [one.partition(":") for one in notes.split()]
    pitch = tuple(REST if name == "-" else int(name) for name, _, _ in rows)
    return pitch, tuple(Fraction(length or "1") / 2 for _, _, length in rows)


JIG = Tune(
    *in_eighths(
        "69 74:2 78 81 78 74 76:2 78 79 78 76 74 78 81 81 78 74 76 73 69 69:2 67 "
        "66:2 69 74 69 66 67:2 71 76 74 73 74 78 76 74 71 69 71:5 69 "
        "74:2 78 81 78 74 76:6 -:3 74 71 69 69 68 69 71 72 71 "
        "69:2 66 64:2 62 62:5"
    ),
    metre=(6, 8),
    pickup=EIGHTH,
    fifths=2,
    num_prompt=12,
    title="The Jig of Tests",
    quarters_per_minute=165,
)
"""6/8 in D: a pickup, a tie over a beat, rests, accidentals, a short last bar, a prompt."""

REEL = Tune(
    *in_eighths(
        "76 69 69 71 72 69 71 67 69:2 76 69 78 69 76 69 76 69 69 71 72 74 76 78 79 76 74 71 69:2 71 74 "
        "69:3 71:3 72 74 76:4 -:2 76 78 -:8 69:2/3 71:2/3 72:2/3 71:2/3 69:2/3 67:2/3 69:2 -:2 "
        "69:3/2 71:1/2 72:3/2 74:1/2 76:3 78 69:1/2 71:1/2 72 74:4 76:2 78:2 79:4 81:2 69:12"
    ),
    fifths=1,
    mode="dorian",
    num_prompt=16,
    title="Reel in A dorian",
    quarters_per_minute=200,
)
"""4/4 in A dorian: triplets, ties over the middle and over bar lines, a bar's rest."""

SLIP_JIG = Tune(
    *in_eighths("71 74:2 71 71 69 71 74:2 71 72:2 69 69 71 72 71:2 69 67:9 69:2 71 74:8 -:9 62:9"),
    metre=(9, 8),
    pickup=EIGHTH,
    fifths=1,
    title="Slip Jig",
)
"""9/8 in G, without a prompt."""

TUNES = {"jig": JIG, "reel": REEL, "slip jig": SLIP_JIG}

_LENGTHS = tuple(Fraction(length) for length in ("1/4", "1/2", "1/2", "1/2", "3/4", "1", "1", "3/2", "2", "5/2", "3"))
_TRIPLETS = ((THIRD,) * 3, (2 * THIRD, THIRD), (THIRD, 2 * THIRD), (2 * THIRD,) * 3, (THIRD / 2,) * 3)


@st.composite
def tunes(draw: st.DrawFn) -> Tune:
    """Draw a tune of notes and rests on sensible durations, in any metre, key and mode, with or without a pickup."""
    groups = draw(
        st.lists(st.one_of(st.sampled_from(_LENGTHS).map(lambda one: (one,)), st.sampled_from(_TRIPLETS)), max_size=30)
    )
    duration = (Fraction(1), *(length for group in groups for length in group))
    pitches = st.one_of(st.integers(50, 96), st.integers(50, 96), st.integers(50, 96), st.just(REST))
    pitch = draw(st.lists(pitches, min_size=len(duration) - 1, max_size=len(duration) - 1))
    metre = draw(st.sampled_from([(4, 4), (6, 8), (9, 8), (3, 4), (2, 4), (2, 2), (12, 8), (5, 8), (7, 8), (3, 8)]))
    bar = Fraction(4 * metre[0], metre[1])
    return Tune(
        pitch=(draw(st.integers(50, 96)), *pitch),
        duration=duration,
        metre=metre,
        pickup=draw(st.sampled_from([one for one in (Fraction(0), EIGHTH, Fraction(1), THIRD) if one < bar])),
        fifths=draw(st.integers(-7, 7)),
        mode=draw(st.sampled_from(MODES)),
        num_prompt=draw(st.integers(0, len(duration))),
        title=draw(st.sampled_from(["", "A tune", "Für 100% <Élise> & \\me"])),
        quarters_per_minute=draw(st.sampled_from([60.0, 97.0, 120.0, 181.5])),
    )


def joined(notes: Sequence[tuple[int, Fraction]]) -> list[tuple[int, Fraction]]:
    """Make one rest of rests that follow one another: how a rest is split is the writer's choice."""
    found: list[tuple[int, Fraction]] = []
    for pitch, length in notes:
        if pitch == REST and found and found[-1][0] == REST:
            found[-1] = (REST, found[-1][1] + length)
        else:
            found.append((pitch, length))
    return found


def sung(tune: Tune) -> list[tuple[int, Fraction]]:
    """Give a tune's notes and rests, joined."""
    return joined(list(zip(tune.pitch, tune.duration, strict=True)))


def without_last_rest(notes: Sequence[tuple[int, Fraction]]) -> list[tuple[int, Fraction]]:
    """Leave out a rest at the end, which readers of scores leave out."""
    return list(notes[:-1] if notes[-1][0] == REST else notes)
