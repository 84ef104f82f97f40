"""The order in which a MusicXML score is played, from the repeats and endings of its bar lines, and from its jumps.

A repeat or an ending of one part applies to all parts. Jumps are read from the attributes of <sound>, which are meant
for playback, and not from printed words and signs: "segno" and "coda" apply at the beginning of their measure, and
"tocoda", "fine", "dacapo" and "dalsegno" at its end.
"""

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from xml.etree.ElementTree import Element

from data_prep.readers.repeats import Sign, Turn

MARKS = frozenset({"barline", "direction", "sound"})
"""Elements that may contain marks of repeats and jumps."""

_AT_BEGIN: Mapping[str, Sign] = {"segno": "segno", "coda": "coda"}
_AT_END: Mapping[str, Sign] = {"tocoda": "to coda", "fine": "fine", "dacapo": "da capo", "dalsegno": "dal segno"}
_NUMBER = re.compile(r"\d{1,9}")


def take_turns(root: Element, kept: AbstractSet[str] = frozenset()) -> dict[int, Turn]:
    """Return the turns of a score, and remove the elements that define them from it.

    Args:
        root: The element score-partwise.
        kept: Names of elements that are not removed.

    Returns:
        The turns by number of measures before them; the last one is at the end of the score.

    Raises:
        ValueError: If a section is played too often.
    """
    marks = _Marks()
    for part in root.iterfind("part"):
        num_measures = 0
        for measure in part.iterfind("measure"):
            for element in _marking(measure):
                marks.take(element, num_measures)
            measure[:] = [element for element in measure if element.tag not in MARKS - kept]
            num_measures += 1
        marks.turn(num_measures)
    return marks.finish()


def _marking(measure: Element) -> Iterator[Element]:
    for element in measure:
        if element.tag == "direction":
            yield from element.iterfind("sound")
        elif element.tag in MARKS:
            yield element


class _Marks:
    """Collector of the turns of a score."""

    def __init__(self) -> None:
        self._turns: dict[int, Turn] = {}
        self._endings: dict[int, int] = {}  # end of each ending, by its beginning
        self._opened = 0  # beginning of the last ending

    def turn(self, place: int) -> Turn:
        """Return the turn before a measure, created if missing."""
        return self._turns.setdefault(place, Turn())

    def take(self, element: Element, measure: int) -> None:
        """Process a bar line or a <sound> of a measure."""
        if element.tag == "sound":
            self._sound(element, measure)
            return
        location = element.get("location", "right")
        place = measure if location == "left" else measure + 1
        for repeat in element.iterfind("repeat"):
            if repeat.get("direction") == "forward":
                self.turn(place).opens = True
            else:
                times = _NUMBER.fullmatch(repeat.get("times", ""))
                self.turn(place).close(int(times[0]) if times else 2)
        for ending in element.iterfind("ending"):
            if ending.get("type") == "start":
                self._opened = measure if location in {"left", "middle"} else measure + 1
                self.turn(self._opened).end_as([int(number) for number in _NUMBER.findall(ending.get("number", ""))])
            else:
                self.turn(place)
                self._endings[self._opened] = place

    def _sound(self, sound: Element, measure: int) -> None:
        if sound.get("forward-repeat") == "yes":
            self.turn(measure).opens = True
        for attributes, place in ((_AT_BEGIN, measure), (_AT_END, measure + 1)):
            for attribute, sign in attributes.items():
                if sound.get(attribute, "no") not in {"", "no"}:
                    self.turn(place).signs.add(sign)

    def finish(self) -> dict[int, Turn]:
        """Return the turns, with each ending extended to all turns before its end."""
        for begin, end in self._endings.items():
            for place in range(begin + 1, end):
                if place in self._turns and not self._turns[place].endings:
                    self._turns[place].endings = self._turns[begin].endings
        return self._turns
