"""The page of a listening test: its files, the data that it may have, and its export as a folder."""

import json
import shutil
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from tunesmith.listening.design import CANNOT_TELL, CLIPS, ListeningTest
from tunesmith.listening.making import new_folder

PAGE = {
    "index.html": "text/html; charset=utf-8",
    "listen.css": "text/css; charset=utf-8",
    "listen.js": "text/javascript; charset=utf-8",
}
"""The files of the page, each with its media type."""

DATA = "test.js"
"""The script with the data of a test."""


def page_file(name: str) -> bytes:
    """Return the content of one of the files in PAGE."""
    return (files("tunesmith.listening") / "page" / name).read_bytes()


def script(test: ListeningTest, *, served: bool) -> bytes:
    """Return the script with the data of a test. It has no key, but the solutions of practice items.

    Args:
        test: The test.
        served: Whether a server stores the answers; otherwise the script also has all sheets.

    Returns:
        The script, which defines LISTENING.
    """
    data: dict[str, Any] = {
        "test": test.id,
        "kind": test.kind,
        "served": served,
        "hear": test.hear_s,
        "cannotTell": CANNOT_TELL,
        "practice": [each.model_dump(mode="json") for each in test.practice],
        "sheets": [] if served else [sheet_data(test, number) for number in range(len(test.sheets))],
    }
    return f"const LISTENING = {json.dumps(data)};\n".encode()


def sheet_data(test: ListeningTest, number: int) -> list[dict[str, Any]]:
    """Return the items of a sheet as the page reads them."""
    return [shown.model_dump(mode="json") for shown in test.sheets[number]]


def clip_files(test: ListeningTest, folder: Path) -> Mapping[str, Path]:
    """Return the file of each clip of a test by its name in an URL."""
    return {f"{clip}.wav": folder / CLIPS / f"{clip}.wav" for clip in test.clips}


def export(test: ListeningTest, folder: Path, target: Path) -> None:
    """Write a test's page as files that a browser opens without a server.

    Args:
        test: The test.
        folder: Its folder.
        target: A new folder.

    Raises:
        BadInputError: If the target has contents or cannot be written.
    """
    with new_folder(target) as part:
        for name in PAGE:
            (part / name).write_bytes(page_file(name))
        (part / DATA).write_bytes(script(test, served=False))
        (part / CLIPS).mkdir()
        for name, path in clip_files(test, folder).items():
            shutil.copyfile(path, part / CLIPS / name)
