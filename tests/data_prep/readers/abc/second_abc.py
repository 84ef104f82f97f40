"""A second reader of ABC, written only from the ABC 2.1 standard, for comparison with the project's reader.

It reads each line character by character, and is simple rather than fast. Like the project's reader, it ignores
repeats, decorations, overlaid voices and macros.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.data_prep.readers.abc.second_abc_voice import DIGITS, NATURAL, Event, Note, Place, Row, Voice, without_quotes


@dataclass
class Tune:
    """A tune: the rows of each sounding voice, or the reason why it cannot be read."""

    number: str = ""
    title: str = ""
    voices: dict[str, list[Row]] = field(default_factory=dict[str, list[Row]])
    error: str = ""


class TuneReader:
    """Reader of the lines of one tune."""

    def __init__(self, file_header: list[str]) -> None:
        """Start with the fields of the file header."""
        self.tune = Tune()
        self.common = Voice()  # fields of all voices
        self.voices: dict[str, Voice] = {}
        self.current: Voice | None = None
        self.in_body = False
        self.line, self.at = "", 0
        for line in file_header:
            if line[0] in "LM":
                self.field(line[0], line[2:].strip())

    def read(self, lines: list[str]) -> Tune:
        """Read the lines and return the tune."""
        try:
            for line in lines:
                if is_field(line) and not (self.in_body and is_music_like_a_field(line)):
                    self.field(line[0], line[2:].strip())
                elif self.in_body:
                    self.line, self.at = line, 0
                    while self.peek():
                        self.element()
        except ValueError as error:
            self.tune.error = str(error)
            return self.tune
        self.tune.error = "" if self.in_body else "it has no K: field"
        sounding = {name: voice for name, voice in self.voices.items() if any(event.notes for event in voice.events)}
        self.tune.voices = {name: voice.rows() for name, voice in sounding.items()}
        return self.tune

    # Fields

    def field(self, letter: str, text: str) -> None:
        """Apply a field from its own line or from brackets."""
        if letter == "X":
            self.tune.number = text
        elif letter == "T":
            self.tune.title = self.tune.title or text
        elif letter == "V":
            self.select(*without_quotes(text).split(maxsplit=1))
        elif letter in "KLM":
            for voice in self.targets(letter):
                voice.apply(letter, text)
            if letter == "K" and not self.in_body:
                self.start_body()

    def targets(self, letter: str) -> list[Voice]:
        """Return the voices to which a field applies.

        In a header these are all voices, except for an L: or M: after a V:, which applies to that voice, and also to
        the others if it is the first. In the body it is the current voice, or all voices if there is none yet.
        """
        if self.in_body:
            return [self.current] if self.current else [self.common, *self.voices.values()]
        earlier = self.common.unit if letter == "L" else self.common.metre
        if letter == "K" or not self.current:
            return [self.common]
        return [self.current] if earlier is not None else [self.current, self.common]

    def start_body(self) -> None:
        """End the header, whose fields apply to every voice without a field of its own."""
        self.in_body = True
        self.current = None
        for voice in [*self.voices.values(), self.common]:
            voice.inherit(self.common)
            voice.unit = voice.unit or voice.default_unit()

    def select(self, name: str = "", properties: str = "") -> Voice:
        """Select a voice, which may be new."""
        if name not in self.voices:
            self.voices[name] = Voice()
            if self.in_body:
                self.voices[name].inherit(self.common)
        self.current = self.voices[name]
        self.current.configure(properties)
        return self.current

    @property
    def voice(self) -> Voice:
        """The current voice: the last one selected, or else the first one in the header."""
        return self.current or self.select(next(iter(self.voices), ""))

    # Music, character by character

    def peek(self) -> str:
        """Return the next character, "" at the end of the line."""
        return self.line[self.at : self.at + 1]

    def run(self, characters: str) -> str:
        """Read and return the next characters while they are among the given ones."""
        start = self.at
        while self.peek() and self.peek() in characters:
            self.at += 1
        return self.line[start : self.at]

    def element(self) -> None:
        """Read one element."""
        character = self.peek()
        if self.is_note():
            note = self.note()
            length = self.length()
            if note:
                self.voice.add(Event([note], length))
        elif character in "zx":
            self.at += 1
            self.voice.add(Event([], self.length()))
        elif character in "ZX":
            self.at += 1
            bars = int(self.run(DIGITS) or "1")
            self.voice.events.append(Event([], 4 * bars * Fraction(self.voice.metre or "4/4")))
        elif character in "|:":
            self.bar_line()
        elif character == "[":
            self.bracket()
        elif character == "{":
            self.grace_notes()
        elif character == "(":
            self.tuplet()
        elif character in "<>":
            self.broken_rhythm()
        else:
            self.mark()

    def mark(self) -> None:
        """Read a tie, or a silent element: a text, a decoration, a spacer, an overlaid voice or any other character."""
        character = self.peek()
        self.at += 1
        if character == '"':
            self.at = self.find('"') + 1
        elif character in "!+":
            end = self.find(character)
            if not set(self.line[self.at : end]) & set(" \t|") and end < len(self.line):
                self.at = end + 1
        elif character == "y":
            self.run(DIGITS + "/")
        elif character == "&":
            while self.peek() not in {"", "|"} and not self.line.startswith("::", self.at):
                quoted = self.peek() == '"'
                self.at += 1
                self.at = self.find('"') + 1 if quoted else self.at
        elif character == "-" and self.voice.last:
            self.voice.tie(self.voice.last.notes)

    def find(self, character: str) -> int:
        """Return the position of the next occurrence of a character, the end of the line if there is none."""
        return self.line.find(character, self.at) if character in self.line[self.at :] else len(self.line)

    def is_note(self) -> bool:
        """Return whether the next character is a note or an accidental."""
        return self.peek().upper() in NATURAL or self.peek() in {"^", "_", "="}

    def note(self) -> Note | None:
        """Read a note without its length; return None for an accidental without a note."""
        marks = self.run("^_=")
        if self.run(DIGITS + "/") and marks.strip("=") and self.peek().upper() in NATURAL:
            raise ValueError("it has accidentals of less than a semitone")
        letter = self.peek().upper()
        if letter not in NATURAL:
            return None
        octave = 5 if self.peek() == letter else 6
        self.at += 1
        octaves = self.run(",'")
        octave += octaves.count("'") - octaves.count(",")
        place, voice = (letter, octave), self.voice
        if marks:
            voice.bar[place] = marks.count("^") - marks.count("_")
        in_key = (voice.key or {}).get(letter, 0)
        alter = voice.bar.get(place, voice.carried.get(place, in_key))
        shift = (voice.clef or 0) + (voice.octave or 0) + (voice.transpose or 0)
        return Note(place, alter, 12 * octave + NATURAL[letter] + alter + shift)

    def factor(self) -> Fraction:
        """Read a length such as 3/2 or //, as a multiple of the unit length."""
        factor = Fraction(int(self.run(DIGITS) or "1"))
        while self.peek() == "/":
            self.at += 1
            divisor = int(self.run(DIGITS) or "2")
            if not divisor:
                raise ValueError("it divides a length by 0")
            factor /= divisor
        if not factor:
            raise ValueError("it has a length of 0")
        return factor

    def length(self) -> Fraction:
        """Read a length and return it in quarter notes."""
        return 4 * self.factor() * (self.voice.unit or Fraction(1, 8))

    def bar_line(self) -> None:
        """Read a bar line and the numbers of an ending after it; colons alone are not a bar line."""
        start = self.at
        while self.run("|:") or (self.at > start and self.peek() == "]" and self.run("]")):
            pass
        if self.line[start : self.at] != ":":
            self.voice.bar = {}
        self.ending()

    def ending(self) -> None:
        """Read the numbers of an ending such as 1,3 or 1-3."""
        while self.run(DIGITS) and self.peek() in {",", ".", "-"} and self.line[self.at + 1 :][:1].isdecimal():
            self.at += 1

    def bracket(self) -> None:
        """Read a bar line, an ending, a field or a chord; any other bracket is silent."""
        self.at += 1
        rest = self.line[self.at :]
        inside, closed, _ = without_quotes(rest).partition("]")
        if rest[:1] == "|":
            self.bar_line()
        elif rest[:1].isdecimal():
            self.ending()
        elif rest[:1].isalpha() and rest[1:2] == ":":
            end = self.find("]")
            text = self.line[self.at + 2 : end]
            self.at = end + 1
            self.field(rest[0], text.strip())
        elif closed and not set(inside) & set("|["):
            chord = self.chord()
            factor = self.factor()
            if chord:
                chord.duration *= factor
                tied = [note for note in chord.notes if note.place in chord.tied]
                self.voice.add(chord)
                self.voice.tie(tied)

    def chord(self) -> Event | None:
        """Read the notes up to a closing bracket, with the length of the first; return None without notes."""
        notes: list[Note] = []
        lengths: list[Fraction] = []
        tied: set[Place] = set()
        while self.peek() not in {"", "]"}:
            if self.is_note():
                note = self.note()
                lengths.append(self.length())
                notes += [note] if note else []
            elif self.run("-"):
                tied |= {note.place for note in notes[-1:]}
            else:
                self.mark()
        self.at += 1
        return Event(notes, lengths[0], tied) if notes else None

    def grace_notes(self) -> None:
        """Read grace notes in braces; an unclosed brace is silent."""
        self.at += 1
        while "}" in self.line[self.at :] and self.peek() != "}":
            if self.peek() == "[":
                self.at += 1
                event = self.chord()
            elif self.is_note():
                note = self.note()
                event = Event([note], self.length()) if note else None
            else:
                event = self.mark()
            if event:
                self.voice.events.append(Event(event.notes, Fraction(0), is_grace=True))

    def tuplet(self) -> None:
        """Read a tuplet (p:q:r: r notes, p in the time of q; a parenthesis without a number is a slur."""
        self.at += 1
        numbers = [self.run(DIGITS)]
        while numbers[0] and len(numbers) < 3 and self.run(":"):
            numbers.append(self.run(DIGITS))
        p, q, r = (int(number or "0") for number in [*numbers, "", ""][:3])
        self.voice.start_tuplet(p, q, r)

    def broken_rhythm(self) -> None:
        """Read one or more > or <: the note on one side is as much longer as the other is shorter."""
        is_first_longer = self.peek() == ">"
        short = Fraction(1, 2 ** len(self.run(self.peek())))
        self.voice.break_rhythm(*((2 - short, short) if is_first_longer else (short, 2 - short)))


def is_field(line: str) -> bool:
    """Return whether a line looks like a field."""
    return line[1:2] == ":" and (line[0].isalpha() or line[0] == "+")


def is_music_like_a_field(line: str) -> bool:
    """Return whether a line of a body that looks like a field is music: a note or rest before a repeat sign."""
    return (line[0].islower() and line[0] not in "mrsw") or (line[0] in "ABCDEFGZ" and line[2:3] in {"|", ":"})


def read_lines(data: bytes) -> list[str]:
    """Return the lines of a file without comments and typeset text; empty lines separate tunes."""
    try:
        text = data.decode("utf-16" if data[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines: list[str] = []
    in_text = False
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        directive = line[2:].strip() if line.startswith("%%") else ""
        in_text = (in_text or directive.startswith("begin")) and not directive.startswith("end")
        escaped = line.replace("\\%", "\\\0")
        code = escaped.partition("%")[0].replace("\0", "%").rstrip()
        if not in_text and (code or "%" not in escaped):
            lines.append(code)
    return lines


def read_file(data: bytes) -> list[Tune]:
    """Return the tunes of a file.

    Args:
        data: In UTF-8, UTF-16 with a byte order mark, or Latin-1.

    Returns:
        A tune for each X: field, up to the next empty line or X: field. If there is no X: field, the first block of
        lines is a tune if it has a K: field.
    """
    blocks: list[list[str]] = [[]]
    for line in read_lines(data):
        if not line or line.startswith("X:"):
            blocks.append([])
        if line:
            blocks[-1].append(line)
    blocks = [block for block in blocks if block]
    first = blocks[0] if blocks and is_field(blocks[0][0]) and not blocks[0][0].startswith("X:") else []
    has_key = any(line.startswith("K:") for line in first)
    tunes = [block for block in blocks if block[0].startswith("X:")] or ([first] if has_key else [])
    header = [] if has_key else first
    return [TuneReader([line for line in header if is_field(line)]).read(block) for block in tunes]
