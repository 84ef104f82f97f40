"""Answers of listeners: one line of JSON each, checked against the test, and counted once.

A line is the beginning of a listener's sheet, or an answer to one of its items. Lines come from the file of the server
and from the files that listeners send back.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_prep.errors import BadInputError, shown
from data_prep.limits import read_bytes
from data_prep.wording import counted
from tunesmith.listening.design import ANSWERS, CANNOT_TELL, ListeningTest, Name

LISTENER_ID = re.compile(r"[0-9a-f]{32}")
"""A listener's random id."""

_HIGHEST = 100

Seconds: TypeAlias = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    test: Name
    listener: str = Field(pattern=f"^{LISTENER_ID.pattern}$")
    sheet: int = Field(ge=0, strict=True)


class Begin(_Line):
    """The line of a listener who began."""

    begin: Literal[True]


class Answer(_Line):
    """The answer to an item.

    Attributes:
        item: The item.
        answer: For a pair the clip of the human, or "cannot tell"; for ratings the rating of each clip.
        heard: How long each clip was played (seconds).
    """

    item: Name
    answer: str | dict[Name, Any]
    heard: dict[Name, Seconds] = Field(default_factory=dict)

    @property
    def place(self) -> tuple[str, str]:
        """What may be answered once: an item, by a listener."""
        return self.listener, self.item


@dataclass
class Answers:
    """The answers of all listeners.

    Attributes:
        kept: The first answer of each listener to each item.
        sheets: The sheet of each listener who began or answered.
        doubled: Number of answers that repeat a kept one.
        changed: Number of later answers that differ from the kept one.
        unfinished: Number of lines that were cut off while they were written.
    """

    kept: dict[tuple[str, str], Answer] = field(default_factory=dict[tuple[str, str], Answer])
    sheets: dict[str, int] = field(default_factory=dict[str, int])
    doubled: int = 0
    changed: int = 0
    unfinished: int = 0

    def add(self, line: Begin | Answer) -> bool:
        """Add a line and return whether it is new; raise ValueError if its listener has another sheet."""
        is_new = line.listener not in self.sheets
        sheet = self.sheets.setdefault(line.listener, line.sheet)
        if sheet != line.sheet:
            raise ValueError(f"listener {line.listener[:8]} has sheet {sheet} and now {line.sheet}")
        if isinstance(line, Begin):
            return is_new
        kept = self.kept.setdefault(line.place, line)
        if kept is line:
            return True
        self.doubled += kept.answer == line.answer
        self.changed += kept.answer != line.answer
        return False

    def of(self, listener: str) -> list[Answer]:
        """Return the answers of a listener."""
        return [answer for answer in self.kept.values() if answer.listener == listener]

    def remarks(self, test: ListeningTest) -> list[str]:
        """Return one line for each thing that a reader of the results should know."""
        lines: list[str] = []
        if self.doubled:
            lines.append(f"{counted(self.doubled, 'answer')} given twice, counted once")
        if self.changed:
            lines.append(f"{counted(self.changed, 'later answer')} that differed from the first, not counted")
        if self.unfinished:
            lines.append(f"{counted(self.unfinished, 'line')} cut off while being written, not counted")
        count = Counter(listener for listener, _ in self.kept)
        for listener, sheet in self.sheets.items():
            total = len(test.sheets[sheet])
            if count[listener] < total:
                lines.append(f"listener {listener[:8]} answered {count[listener]} of {counted(total, 'item')}")
        return [*lines, *_uniform(self, test)]


def read(test: ListeningTest, folder: Path, files: Sequence[Path]) -> Answers:
    """Read all answers to a test.

    Args:
        test: The test.
        folder: Its folder; the server's answers are read if there are any.
        files: Files that listeners sent back.

    Returns:
        The answers.

    Raises:
        BadInputError: If a file cannot be read, or has a line that is not an answer to this test.
    """
    answers = Answers()
    own = folder / ANSWERS
    for path in [*([own] if own.exists() else []), *files]:
        for number, text, is_whole in _lines(path):
            try:
                answers.add(parse(test, text))
            except ValueError as error:
                if not is_whole:
                    answers.unfinished += 1
                    continue
                raise BadInputError(
                    "a file of answers must not be edited",
                    str(error),
                    f"{path} line {number}",
                    "leave the file out, or restore it",
                ) from None
    return answers


def parse(test: ListeningTest, text: str | bytes) -> Begin | Answer:
    """Parse a line.

    Args:
        test: The test.
        text: The line.

    Returns:
        The answer, or the beginning.

    Raises:
        ValueError: If it is not a line about this test. The message is one line.
    """
    try:
        value: Any = json.loads(text)
    except (RecursionError, ValueError):
        raise ValueError("it is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("it is not a JSON object")  # noqa: TRY004  (callers handle one type)
    return check(test, cast("dict[str, Any]", value))


def check(test: ListeningTest, value: Mapping[str, Any]) -> Begin | Answer:
    """Check a line whose JSON was parsed; see :func:`parse`."""
    if "test" in value and value["test"] != test.id:
        raise ValueError(f"it is about another test, {shown(value['test'])}; this one is {test.id!r}")
    try:
        line = (Begin if "begin" in value else Answer).model_validate(value)
    except ValidationError as error:
        first: Any = error.errors()[0]
        place = next((str(part) for part in first["loc"]), "the line")
        raise ValueError(f"{place} is wrong: {first['msg']}, got {shown(first['input'])}") from None
    if line.sheet >= len(test.sheets):
        raise ValueError(f"there is no sheet {line.sheet}")
    if isinstance(line, Answer):
        _check_answer(test, line)
    return line


def _check_answer(test: ListeningTest, line: Answer) -> None:
    if line.item not in test.items:
        raise ValueError(f"there is no item {line.item!r}")
    clips = next((each.clips for each in test.sheets[line.sheet] if each.item == line.item), None)
    if clips is None:
        raise ValueError(f"item {line.item!r} is not on sheet {line.sheet}")
    if test.kind == "pair":
        if line.answer not in (*clips, CANNOT_TELL):
            raise ValueError(f"the answer to a pair is one of its clips or {CANNOT_TELL!r}, got {shown(line.answer)}")
        return
    if not isinstance(line.answer, dict) or set(line.answer) != set(clips):
        raise ValueError(f"each of an item's clips is rated once, got {shown(line.answer)}")
    for rating in line.answer.values():
        if type(rating) is not int or not 0 <= rating <= _HIGHEST:
            raise ValueError(f"a rating is a whole number from 0 to {_HIGHEST}, got {shown(rating)}")


def _lines(path: Path) -> Iterator[tuple[int, bytes, bool]]:
    """Yield number and content of each line of a file, and whether it was written to its end."""
    try:
        data = read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError("a file of answers must be readable", f"{path} is not ({reason})") from None
    *lines, rest = data.split(b"\n")
    for number, line in enumerate([*lines, rest], 1):
        if line.strip():
            yield number, line, number <= len(lines)


def _uniform(answers: Answers, test: ListeningTest) -> Iterator[str]:
    """Yield a remark about each listener who gave the same answer to every item."""
    least = 4
    for listener in answers.sheets:
        given = answers.of(listener)
        if len(given) < least:
            continue
        choices = {_choice(answer, test) for answer in given}
        if len(choices) == 1:
            (choice,) = choices
            what = f"gave the same answer to all of {counted(len(given), 'item')}: {choice}"
            yield f"listener {listener[:8]} {what}; counted all the same"


def _choice(answer: Answer, test: ListeningTest) -> str:
    """Return an answer as the listener saw it: the side that was chosen, or the ratings from the first to the last."""
    clips = next(each.clips for each in test.sheets[answer.sheet] if each.item == answer.item)
    if isinstance(answer.answer, dict):
        return ", ".join(str(answer.answer[clip]) for clip in clips)
    return answer.answer if answer.answer == CANNOT_TELL else "AB"[clips.index(answer.answer)]
