"""MusicXML texts written by hand, and the events of pieces read from them."""

from fractions import Fraction

from data_prep.readers.notes import Piece, Reading

SCORE = (
    '<?xml version="1.0"?>{declared}<score-partwise version="4.0"><part-list><score-part id="P1">'
    '<part-name>Flute</part-name></score-part></part-list><part id="P1">{bars}</part></score-partwise>'
)
ATTRIBUTES = "<attributes><divisions>2</divisions>{key}{time}{more}</attributes>"
COMMON = "<time><beats>4</beats><beat-type>4</beat-type></time>"


def score(*bars: str, declared: str = "") -> str:
    """Return a score with one part; bars without <measure> are numbered from 1."""
    measures = [
        content if content.startswith("<measure") else bar(content, str(n)) for n, content in enumerate(bars, 1)
    ]
    return SCORE.format(bars="".join(measures), declared=declared)


def bar(content: str, number: str, marks: str = "") -> str:
    return f'<measure number="{number}" {marks}>{content}</measure>'


def attributes(time: str = COMMON, key: str = "", more: str = "") -> str:
    return ATTRIBUTES.format(time=time, key=key, more=more)


def note(name: str, quarters: float | str = 1, before: str = "", after: str = "") -> str:
    """Return a note; a string of quarters is a literal duration, "" for none."""
    length = quarters if isinstance(quarters, str) else int(2 * quarters)
    duration = "" if quarters == "" else f"<duration>{length}</duration>"
    pitch = f"<pitch><step>{name[0]}</step><octave>{name[1:]}</octave></pitch>"
    return f"<note>{before}{pitch}{duration}{after}</note>"


def notes(names: str, quarters: float = 1, before: str = "", after: str = "") -> str:
    return "".join(note(name, quarters, before, after) for name in names.split())


def move(tag: str, quarters: float) -> str:
    return f"<{tag}><duration>{int(2 * quarters)}</duration></{tag}>"


def events(piece: Piece) -> list[tuple[int, Fraction]]:
    """Return the (pitch, duration in quarter notes) of each row."""
    durations = (Fraction(int(duration), piece.resolution) for duration in piece.duration)
    return list(zip(map(int, piece.pitch), durations, strict=True))


def only_events(reading: Reading) -> list[tuple[int, Fraction]]:
    """Return the events of a reading's only piece."""
    assert not reading.unread
    (piece,) = reading.pieces
    return events(piece)
