# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# (music21 has no types for the parts that are used here)
"""ABC files, through music21's tokens: many tunes a file, each read on its own so that a bad one loses only itself.

The tokens are read instead of the streams that music21 builds of them. Measured on O'Neill's: it takes 3 ms a tune
instead of 26, and the streams differ from what is written in one tune of fourteen:

- they leave out a note that has an annotation like ">" above it;
- they lose a broken rhythm (A>B) where a tie, a slur, a bow mark, a dot or a grace note stands between the two notes;
- a grace note within a tuplet uses up one of the tuplet's notes;
- their re-barring invents time signatures (about 100 tunes seem to change their metre, 6 do).

So grace notes and all marks are taken out before music21 gives the tokens their durations, and the grace notes are put
back as rows without duration. Repeats are read as written, never expanded.

An accidental lasts to the end of its bar, at its octave, as in print; music21 would take it for one note's in files
that do not say ABC 2. O'Neill's means it so: of later notes of such a pitch in the same bar, 480 bear no mark, 168
cancel it and 15 repeat it.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

from music21 import abcFormat
from music21.pitch import Pitch

from data_prep.melodies import REST
from data_prep.notes import Heading, Key, Metre, Note, Piece, Reading, Unread, merge_ties, reason
from data_prep.voices import fill_gaps, signatures_from

MAX_DENOMINATOR = 65535
"""music21's own limit for a quarter length's denominator: what it gives as a float is exact below it."""

_KEPT = (
    abcFormat.ABCMetadata,
    abcFormat.ABCBar,
    abcFormat.ABCNote,
    abcFormat.ABCTuplet,
    abcFormat.ABCTie,
    abcFormat.ABCBrokenRhythmMarker,
)


def read(path: Path) -> Reading:
    """Read all tunes of a file.

    Args:
        path: The file, in UTF-8 or Latin-1.

    Returns:
        One piece for each voice of each tune, in the file's order, and the tunes that could not be read.
    """
    pieces: list[Piece] = []
    unread: list[Unread] = []
    for tune, text in split_tunes(_decode(path.read_bytes())):
        try:
            pieces += read_tune(tune, text)
        except Exception as error:  # noqa: BLE001  (whatever music21 raises, the other tunes are to be read)
            unread.append(Unread(tune, reason(error)))
    return Reading(tuple(pieces), tuple(unread))


def split_tunes(text: str) -> list[tuple[str, str]]:
    """Split a file at its reference numbers (X:).

    Args:
        text: The file's text.

    Returns:
        (reference number, text of the tune with the file's header before it) of each tune. A number that recurs gets
        a running letter, so that names stay unique; a file without numbers is one tune without a name.
    """
    header, *tunes = re.split(r"(?m)^(?=X:)", text)
    if not tunes:
        return [("", header)]
    header = "".join(re.findall(r"(?m)^(?:[A-Za-z]:|%).*\n", header))  # free text may stand there too
    named: list[tuple[str, str]] = []
    seen: dict[str, int] = {}
    for tune in tunes:
        number = tune.splitlines()[0][2:].split("%")[0].strip()
        count = seen[number] = seen.get(number, 0) + 1
        named.append((number if count == 1 else f"{number}.{count}", f"{header}\n{tune}"))
    return named


def read_tune(tune: str, text: str) -> list[Piece]:
    """Read one tune.

    Args:
        tune: Its name in the file.
        text: Its ABC.

    Returns:
        One piece a voice.

    Raises:
        ValueError: If there is no note in it.
        Exception: Whatever music21 raises for what it cannot read.
    """
    tokens, graces = _tokens(text)
    header = _Header.of(tokens)
    voices = _voices(tokens)
    read_voices = [(name, _read_voice(voice, graces)) for name, voice in voices.items()]
    read_voices = [(name, voice) for name, voice in read_voices if any(note.pitch != REST for note in voice.notes)]
    if not read_voices:
        raise ValueError("there are no notes in it")
    pieces: list[Piece] = []
    for name, voice in read_voices:
        notes, begin = merge_ties(voice.notes), Fraction(0)
        if len(read_voices) > 1:
            notes, begin = fill_gaps(notes, voice.bar_length, voice.pickup)
        heading = Heading(
            tune=tune,
            part=name if len(read_voices) > 1 else "",
            title=header.title,
            composer=header.composer,
            num_parts=len(read_voices),
            metres=signatures_from(voice.metres, begin),
            keys=signatures_from(voice.keys, begin),
            pickup=Fraction(0) if begin else voice.pickup,
        )
        pieces.append(Piece.of(heading, notes))
    return pieces


@dataclass
class _Header:
    title: str = ""
    composer: str = ""

    @classmethod
    def of(cls, tokens: Sequence[Any]) -> "_Header":
        header = cls()
        for token in tokens:
            if isinstance(token, abcFormat.ABCMetadata):
                if token.isTitle() and not header.title:
                    header.title = token.data
                elif token.isComposer() and not header.composer:
                    header.composer = token.data
        return header


@dataclass
class _Voice:
    notes: list[Note] = field(default_factory=list[Note])
    metres: list[Metre] = field(default_factory=list[Metre])
    keys: list[Key] = field(default_factory=list[Key])
    first_bar: Fraction | None = None  # length of what stands before the first bar line that follows a note

    @property
    def bar_length(self) -> Fraction:
        return self.metres[0].bar_length if self.metres else Fraction(4)

    @property
    def pickup(self) -> Fraction:
        return self.first_bar if self.first_bar is not None and self.first_bar < self.bar_length else Fraction(0)


def _decode(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _plain(text: str) -> str:
    """Leave of a tune's text what bears on pitch and time, in a form that music21 reads right.

    Words under the notes, annotations, decorations and overlaid voices (&) go; a bar's silence (Z) is left out by
    music21, which keeps every other note in its place.
    """
    match = re.search(r"(?m)^K:.*\n", text)
    head, body = (text[: match.end()], text[match.end() :]) if match else ("", text)
    body = re.split(r"\n[ \t]*\n", body.lstrip("\n"), maxsplit=1)[0]  # an empty line ends a tune
    body = re.sub(r"\[([KLMQV]):([^\]\n]*)\]", r"\n\1:\2\n", body)  # music21 takes [K:G] for a chord
    lines = [line if re.match(r"[A-Z]:|%", line) else _music(line) for line in body.split("\n")]
    head = re.sub(r"(?m)^[a-z+]:.*\n", "", head)
    if not re.search(r"(?m)^[LM]:", head):
        head = f"L:1/8\n{head}"  # the standard's default
    text = head + "\n".join(line for line in lines if not re.match(r"[a-z+]:", line))
    text = re.sub(r"(?m)^L:[ \t]*1[ \t]*$", "L:1/1", text)
    return re.sub(r"(?m)^M:.*\+.*$", lambda field: _added_metre(field.group()), text)


def _music(line: str) -> str:
    """Take annotations, decorations, line breaks (!) and overlays out of a line, and write all rests as z."""
    if re.match(r"[a-z+]:", line):
        return line
    line = re.sub(r'"[^"]*"|![^!\s|]{1,20}!|!', "", line.partition("%")[0])
    return re.sub(r"&[^|]*", "", line).replace("x", "z")


def _added_metre(field: str) -> str:
    """Write M:(2+3)/8 as M:5/8."""
    beats, _, unit = field.removeprefix("M:").replace("(", "").replace(")", "").partition("/")
    return f"M:{sum(int(part) for part in beats.split('+'))}/{unit}"


def _tokens(text: str) -> tuple[list[Any], dict[int, list[Any]]]:
    """Give the tokens that bear on pitch and time, and the grace notes by the id of the note they lean on."""
    handler = abcFormat.ABCHandler(abcVersion=(2, 1, 0))
    handler.abcDirectives["propagate-accidentals"] = "octave"
    handler.tokenize(_plain(text))
    kept: list[Any] = []
    graces: dict[int, list[Any]] = {}
    waiting: list[Any] = []
    in_grace = False
    for token in handler.tokens:
        if isinstance(token, abcFormat.ABCGraceStart):
            in_grace = True
        elif isinstance(token, abcFormat.ABCGraceStop):
            in_grace = False
        elif in_grace:
            waiting += [token] if isinstance(token, abcFormat.ABCNote) else []
        elif isinstance(token, _KEPT):
            if isinstance(token, abcFormat.ABCNote):
                graces[id(token)] = waiting
                waiting = []
            kept.append(token)
    handler.tokens = _with_broken_rhythms(kept)
    handler.tokenProcess()
    for token in kept:
        for grace in graces.get(id(token), ()):
            grace.activeKeySignature = token.activeKeySignature
            grace.activeDefaultQuarterLength = token.activeDefaultQuarterLength
            grace.parse()
    return handler.tokens, graces


def _with_broken_rhythms(tokens: Sequence[Any]) -> list[Any]:
    """Mark the notes on either side of each broken rhythm, and take its token out."""
    marked: list[Any] = []
    before: Any = None
    broken: Any = None
    for token in tokens:
        if isinstance(token, abcFormat.ABCBrokenRhythmMarker):
            token.preParse()
            broken = token
            continue
        if isinstance(token, abcFormat.ABCNote):
            if broken is not None and before is not None:
                before.brokenRhythmMarker = (broken.data, "left")
                token.brokenRhythmMarker = (broken.data, "right")
            before, broken = token, None
        marked.append(token)
    return marked


def _voices(tokens: Sequence[Any]) -> dict[str, list[Any]]:
    """Deal the tokens out to the voices (V:), the fields before the first note to all of them."""
    header: list[Any] = []
    voices: dict[str, list[Any]] = {}
    current = ""
    in_body = False
    for token in tokens:
        if isinstance(token, abcFormat.ABCMetadata) and token.isVoice():
            current = token.data.split()[0] if token.data.split() else ""
        elif in_body or not isinstance(token, abcFormat.ABCMetadata):
            in_body = True
            voices.setdefault(current, []).append(token)
        else:
            header.append(token)
    return {name: header + own for name, own in voices.items()}


def _read_voice(tokens: Sequence[Any], graces: dict[int, list[Any]]) -> _Voice:
    voice = _Voice()
    now = Fraction(0)
    transposition = 0
    for token in tokens:
        if isinstance(token, abcFormat.ABCMetadata):
            if token.isMeter() and (metre := token.getTimeSignatureParameters()) is not None:
                voice.metres = [*(one for one in voice.metres if one.onset != now), Metre(now, metre[0], metre[1])]
            elif token.isKey():
                voice.keys = [*(one for one in voice.keys if one.onset != now), _key(now, token)]
                transposition = token.getClefObject()[1] or 0
        elif isinstance(token, abcFormat.ABCBar):
            if voice.first_bar is None and now > 0:
                voice.first_bar = now
        elif isinstance(token, abcFormat.ABCNote):
            for grace in graces[id(token)]:
                voice.notes += _note(grace, now, Fraction(0), transposition)
            duration = Fraction(token.quarterLength).limit_denominator(MAX_DENOMINATOR)
            if token.activeTuplet:
                duration *= Fraction(token.activeTuplet.numberNotesNormal, token.activeTuplet.numberNotesActual)
            notes = list(_note(token, now, duration, transposition))
            voice.notes += notes
            now += duration if notes else 0
    return voice


def _note(token: Any, onset: Fraction, duration: Fraction, transposition: int) -> Iterator[Note]:
    tied = token.tie in {"start", "continue"}
    if isinstance(token, abcFormat.ABCChord):
        names = [sub.pitchName for sub in token.subTokens if isinstance(sub, abcFormat.ABCNote) and not sub.isRest]
        if not names:
            return  # "[]" and the like: brackets that hold no note
        midi, name = max(_pitch(name, transposition) for name in names)
        yield Note(onset, duration, midi, name, chord_size=len(names), tied=tied)
    elif not token.isRest:
        yield Note(onset, duration, *_pitch(token.pitchName, transposition), tied=tied)
    elif duration > 0:
        yield Note(onset, duration, REST, "rest", chord_size=0)


def _key(onset: Fraction, token: Any) -> Key:
    signature = token.getKeySignatureObject()
    key = signature if hasattr(signature, "tonic") else signature.asKey("major")
    return Key(onset, key.tonic.pitchClass, key.mode)


@lru_cache(maxsize=4096)
def _pitch(name: str, transposition: int) -> tuple[int, str]:
    pitch = Pitch(name)
    if transposition:
        pitch = pitch.transpose(transposition)
    return pitch.midi, pitch.nameWithOctave
