"""The page in a real browser: keyboard, phone, reload, two tabs, and the exported files."""

import json
import shutil
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.browser import MISSING, Browser, wait_until
from tests.served import Served
from tests.tunesmith.listening.answering import loaded
from tests.tunesmith.listening.serving import served
from tunesmith.listening.answers import Answers, read
from tunesmith.listening.pages import export

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("listening page"),
    pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed"),
]
PHONE, DESKTOP = 390, 1280


@pytest.fixture(scope="module")
def server(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = shutil.copytree(pair_folder, tmp_path_factory.mktemp("served") / "test")
    with served(Path(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Browser]:
    with Browser(DESKTOP, downloads=tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


def answers(folder: Path) -> Answers:
    return read(loaded(folder)[0], folder, [])


def listen(browser: Browser) -> None:
    """Play both clips, by the keyboard, until the page says that this was long enough."""
    for letter in "AB":
        browser.press(letter.lower())
        wait_until_heard(browser, letter)


def wait_until_heard(browser: Browser, letter: str) -> None:
    wait_until(lambda: f" of {letter}" not in browser.text(), f"{letter} was heard")


def answer_pair(browser: Browser, key: str) -> None:
    listen(browser)
    browser.press(key)
    browser.press("Enter")


def start_after_practice(browser: Browser, url: str) -> None:
    """Go to the first item as a new listener."""
    browser.open(url)
    browser.wait_for("anonymous")
    browser.run("localStorage.clear()")
    browser.reload()
    browser.wait_for("Start")
    browser.press("Enter")
    browser.wait_for("Practice 1 of 1")
    answer_pair(browser, "1")
    browser.wait_for("A person played")
    browser.press("Enter")
    browser.wait_for("Piece 1")


def test_a_test_is_answered_by_keyboard_and_goes_on_after_a_reload(server: Served, desktop: Browser) -> None:
    start_after_practice(desktop, server.url)
    assert len(answers(server.folder).kept) == 0, "practice is not stored"
    assert desktop.run("return document.querySelector('.actions button').disabled")
    desktop.press("1")
    desktop.press("Enter")
    assert "Piece 1" in desktop.text(), "an answer needs both clips to be heard"
    answer_pair(desktop, "2")
    desktop.wait_for("Piece 2")
    desktop.reload()
    desktop.wait_for("Continue")
    desktop.press("Enter")
    desktop.wait_for("Piece 2")
    assert "1 of 3 answered" in desktop.text()
    for number, key in ((2, "1"), (3, "3")):
        desktop.wait_for(f"Piece {number}")
        answer_pair(desktop, key)
    desktop.wait_for("All your answers are stored")
    stored = answers(server.folder)
    test, key = loaded(server.folder)
    (listener,) = {listener for listener, _ in stored.kept}
    shown = test.sheets[stored.sheets[listener]]
    expected = [shown[0].clips[1], shown[1].clips[0], "cannot tell"]
    assert [answer.answer for answer in stored.of(listener)] == expected
    assert all(seconds >= 0.2 for answer in stored.of(listener) for seconds in answer.heard.values())
    assert not any(condition in desktop.text() for condition in key.clips.values())


def test_two_tabs_store_each_answer_once(server: Served, desktop: Browser) -> None:
    before = len(answers(server.folder).kept)
    start_after_practice(desktop, server.url)
    first = desktop.new_tab()
    desktop.open(server.url)
    desktop.wait_for("Continue")
    desktop.press("Enter")
    desktop.wait_for("Piece 1")
    answer_pair(desktop, "1")
    desktop.wait_for("Piece 2")
    desktop.switch(first)
    answer_pair(desktop, "2")
    desktop.wait_for("Piece 2")
    lines = [json.loads(line) for line in (server.folder / "answers.jsonl").read_text().splitlines()]
    assert sum("item" in line for line in lines) == len(answers(server.folder).kept) == before + 1


def test_an_answer_that_cannot_be_stored_is_kept_on_the_page(server: Served, desktop: Browser) -> None:
    start_after_practice(desktop, server.url)
    before = len(answers(server.folder).kept)
    listen(desktop)
    desktop.connect(False)
    desktop.press("1")
    desktop.press("Enter")
    desktop.wait_for("Your answer is not stored yet")
    desktop.connect(True)
    desktop.press("Enter")
    desktop.wait_for("Piece 2")
    assert len(answers(server.folder).kept) == before + 1


def test_the_exported_page_works_without_a_server_and_saves_its_answers(
    ratings: Path, desktop: Browser, tmp_path_factory: pytest.TempPathFactory
) -> None:
    test, _ = loaded(ratings)
    target = tmp_path_factory.mktemp("export") / "page"
    export(test, ratings, target)
    assert sorted(path.name for path in target.iterdir()) == [
        "clips",
        "index.html",
        "listen.css",
        "listen.js",
        "test.js",
    ]
    desktop.open((target / "index.html").as_uri())
    desktop.wait_for("Start")
    desktop.press("Enter")
    for title in ("Practice 1 of 1", "Piece 1"):
        desktop.wait_for(title)
        listen(desktop)
        rate(desktop, [80, 30])
        desktop.press("Enter")
        if title.startswith("Practice"):
            desktop.wait_for("A person played")
            desktop.press("Enter")
    desktop.wait_for("Piece 2")
    desktop.reload()
    desktop.wait_for("Continue")
    desktop.press("Enter")
    desktop.wait_for("Piece 2")
    desktop.click("button.quiet")
    downloads = Path(desktop.downloads)
    wait_until(lambda: any(downloads.glob("answers-*.jsonl")), "the answers were downloaded")
    (saved,) = downloads.glob("answers-*.jsonl")
    stored = read(test, ratings, [saved])
    (listener,) = stored.sheets
    (answer,) = stored.of(listener)
    first = test.sheets[stored.sheets[listener]][0]
    assert (answer.item, answer.answer) == (first.item, dict(zip(first.clips, (80, 30), strict=True)))


def rate(browser: Browser, ratings: list[int]) -> None:
    browser.run(
        f"const values = {ratings}; document.querySelectorAll('.rating input').forEach((input, place) => "
        "{ input.value = values[place]; input.dispatchEvent(new Event('input')); })"
    )


def test_a_phone_shows_everything_within_its_width_and_is_used_by_touch(server: Served) -> None:
    with Browser(PHONE) as phone:
        phone.open(server.url)
        phone.wait_for("Start")
        phone.click(".actions button")
        phone.wait_for("Practice 1 of 1")
        for place in range(2):
            phone.click(".play", place)
            wait_until_heard(phone, "AB"[place])
        phone.click(".choice", 2)
        assert phone.run("return document.documentElement.scrollWidth") == phone.run("return innerWidth") == PHONE
        sizes = phone.run("return [...document.querySelectorAll('button, .choice')].map(e => e.offsetHeight)")
        assert min(sizes) >= 44, "a finger needs that much"
        phone.click(".actions button")
        phone.wait_for("A person played")
