"""The folder of requests: claims, withdrawals, answers, and files that are no requests."""

import os
from pathlib import Path

import pytest

from search.control.mailbox import Mailbox
from search.control.requests import AddPoint, Answer, ChangeBudget, Request, StopTrial


@pytest.fixture
def box(tmp_path: Path) -> Mailbox:
    return Mailbox(tmp_path)


def in_folder(box: Mailbox) -> list[str]:
    return sorted(path.name for path in box.folder.iterdir())


@pytest.mark.parametrize(
    "request_", [ChangeBudget(trials=80, time="2h"), StopTrial(number=7), AddPoint(values={"size": 96, "tied": True})]
)
def test_a_request_is_claimed_and_answered(box: Mailbox, request_: Request) -> None:
    name = box.post(request_)
    assert box.collect(name) is None
    (letter,) = box.claim()
    assert (letter.name, letter.request) == (name, request_)
    assert box.is_claimed(name)
    assert not box.withdraw(name)
    answer = Answer(text="done", facts={"trials": 80})
    box.answer(name, answer)
    assert not box.is_claimed(name)
    assert box.collect(name) == answer
    assert in_folder(box) == []


def test_a_withdrawn_request_is_not_claimed_and_a_claim_is_found_again(box: Mailbox) -> None:
    assert list(box.claim()) == []
    withdrawn, first = box.post(StopTrial(number=1)), box.post(StopTrial(number=2))
    assert box.withdraw(withdrawn)
    for _ in range(2):  # the second time after the driver was killed
        assert [(letter.name, letter.request) for letter in box.claim()] == [(first, StopTrial(number=2))]
    second = box.post(StopTrial(number=3))
    assert [letter.name for letter in box.claim()] == [first, second], "the oldest first"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        '{"kind": "format the disk"}',
        '{"kind": "stop"}',
        '{"kind": "stop", "number": "x"}',
        '{"kind": "stop", "number": 1, "more": 2}',
        '{"kind": "add", "values": {"size": [1]}}',
        '{"kind": "budget", "time": "' + "1" * 1000 + '"}',
        "[" * 50_000,
        " " * 100_000 + '{"kind": "stop", "number": 1}',
    ],
)
def test_a_garbled_request_is_named_and_removed(box: Mailbox, text: str) -> None:
    name = box.post(StopTrial(number=1))
    (box.folder / f"{name}.json").write_text(text)
    (letter,) = box.claim()
    assert (letter.name, letter.request) == (name, None)
    assert letter.problem
    assert in_folder(box) == []


def test_what_is_no_file_is_removed_without_reading_it(box: Mailbox, tmp_path: Path) -> None:
    secret = tmp_path / "secret.json"
    secret.write_text('{"kind": "stop", "number": 1}')
    box.folder.mkdir()
    os.mkfifo(box.folder / "pipe.json")
    (box.folder / "link.json").symlink_to(secret)
    (box.folder / "folder.json").mkdir()
    (box.folder / "folder.json" / "file").touch()
    letters = list(box.claim())
    assert {letter.name: letter.problem for letter in letters} == dict.fromkeys(
        ("pipe", "link", "folder"), "it is not a file"
    )
    assert in_folder(box) == []
    assert secret.exists()


def test_files_of_no_request_and_old_answers_are_removed(box: Mailbox) -> None:
    old, new = box.post(StopTrial(number=1)), box.post(StopTrial(number=2))
    for letter in box.claim():
        box.answer(letter.name, Answer(text="done"))
    os.utime(box.folder / f"{old}.answer", (0, 0))
    (box.folder / "notes.txt").touch()
    (box.folder / ".being-written").touch()
    assert box.tidy() == ["notes.txt"]
    assert in_folder(box) == [".being-written", f"{new}.answer"]


def test_a_folder_that_is_a_file_holds_no_requests(box: Mailbox) -> None:
    box.folder.touch()
    assert list(box.claim()) == []
    assert box.tidy() == []
