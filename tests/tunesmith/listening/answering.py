"""Simulated listeners, and the lines that they write."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from tunesmith.listening.design import Key, ListeningTest, load_key, load_test

Answering = Callable[[list[str], int], Any]
"""Returns the answer to an item: from the conditions of its clips, as shown, and the number of the item."""


def listener_id(number: int) -> str:
    return f"{number:032x}"


def lines_of(test: ListeningTest, key: Key, number: int, answer: Answering, *, count: int = 99) -> list[dict[str, Any]]:
    """Return the lines of a listener, whose answer is a place on the screen, "cannot tell", or a rating per place."""
    sheet = number % len(test.sheets)
    head = {"test": test.id, "listener": listener_id(number), "sheet": sheet}
    lines: list[dict[str, Any]] = [{**head, "begin": True}]
    for place, shown in enumerate(test.sheets[sheet][:count]):
        given = answer([key.clips[clip] for clip in shown.clips], place)
        if isinstance(given, int):
            given = shown.clips[given]
        elif isinstance(given, list):
            given = dict(zip(shown.clips, cast("list[Any]", given), strict=True))
        lines.append({**head, "item": shown.item, "answer": given, "heard": dict.fromkeys(shown.clips, 12.5)})
    return lines


def write_answers(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def loaded(folder: Path) -> tuple[ListeningTest, Key]:
    test = load_test(folder)
    return test, load_key(folder, test)


def find_human(conditions: list[str], _: int) -> int:
    """Answer a pair without a mistake."""
    return conditions.index("human")
