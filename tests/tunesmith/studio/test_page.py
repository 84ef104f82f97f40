"""The studio's page in a real browser: by mouse and keyboard, on a phone, and without sound."""

import base64
import json
from collections.abc import Generator
from typing import Any

import pytest

from tests import hand_midi
from tests.browser import MISSING, Browser, wait_until
from tests.served import Served

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("studio page"),
    pytest.mark.skipif(bool(MISSING), reason=f"{' and '.join(MISSING)} not installed"),
]
PHONE, DESKTOP = 390, 1280
NOTES = "#player svg g.note"


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> Generator[Browser]:
    with Browser(DESKTOP, downloads=tmp_path_factory.mktemp("downloads")) as browser:
        yield browser


@pytest.fixture
def page(desktop: Browser, server: Served) -> Browser:
    """The page as it is first opened."""
    desktop.open("about:blank")  # an address that differs only in its fragment would not be loaded
    desktop.open(server.url)
    wait_until(lambda: bool(value(desktop, "model", "textContent")), "the page knows its models")
    return desktop


def value(browser: Browser, name: str, attribute: str = "value") -> Any:
    return browser.run(f"return document.getElementById('{name}').{attribute}")


def fill(browser: Browser, **values: object) -> None:
    for name, text in values.items():
        field = f"document.getElementById('{name.replace('_', '-')}')"
        browser.run(f"{field}.value = {json.dumps(text)}; {field}.dispatchEvent(new Event('input'))")


def count(browser: Browser, css: str) -> int:
    return browser.run(f"return document.querySelectorAll('{css}').length")


def num_made(browser: Browser) -> int:
    return count(browser, "#history .entry")


def wait_for_tune(browser: Browser, number: int) -> None:
    wait_until(lambda: num_made(browser) == number, f"tune {number} was made")


def sounding(browser: Browser) -> bool:
    return str(browser.run("return document.querySelector('#player .play').ariaLabel")).startswith("Pause")


def bar_heads(browser: Browser) -> list[list[str]]:
    """Return the heights of the notes' heads in each bar of the score."""
    script = "[...m.querySelectorAll('.notehead use')].map(u => u.getAttribute('transform') || u.getAttribute('y'))"
    return browser.run(
        f"return [...document.querySelectorAll('#player g.measure')].map(m => {script}.map(t => t.split(',').at(-1)))"
    )


def test_a_tune_is_seen_and_heard_at_once_and_the_notes_light_up(page: Browser) -> None:
    fill(page, key="G major", metre="3/4", bars="8", seed="11")
    page.click("#make")
    wait_for_tune(page, 1)
    assert count(page, NOTES) > 8
    assert "G major, 3/4" in page.text()
    assert "seed 11" in value(page, "tune-facts", "textContent")
    wait_until(lambda: sounding(page) and count(page, "#player .sounding") > 0, "notes that sound are marked")
    page.press("Escape")
    page.run("document.activeElement.blur()")
    page.press(" ")
    wait_until(lambda: not sounding(page), "the space bar pauses")
    page.click("#player .play")
    wait_until(lambda: sounding(page), "the button plays")


def test_an_error_in_the_prompt_is_marked_where_it_is(page: Browser) -> None:
    page.run("document.getElementById('prompt-part').open = true")
    fill(page, prompt="X:1\nK:D\n d2 f/0 a")
    page.click("#make")
    page.wait_for("Line 3, column 5: a prompt is a tune in ABC, or its notes: a length cannot be divided by 0")
    text = value(page, "prompt")
    selected = text[value(page, "prompt", "selectionStart") : value(page, "prompt", "selectionEnd")]
    assert selected == page.run("return document.querySelector('#mirror mark').textContent") == "f/0"
    assert page.run("return document.activeElement.id") == "prompt"
    fill(page, prompt="d2 f a")
    assert count(page, "#mirror mark") == 0
    page.click("#make")
    wait_for_tune(page, 1)


def test_kept_bars_stay_and_the_others_are_composed_again(page: Browser) -> None:
    fill(page, bars="8", seed="3", metre="4/4")
    page.click("#make")
    wait_for_tune(page, 1)
    before = bar_heads(page)
    chips = [3, 5]
    for place in chips:
        page.click("#chips .chip", place)
    assert count(page, "#player .bar.kept") == 2
    page.run("document.querySelectorAll('#player .bar')[6].dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    assert count(page, "#chips .chip.kept") == 3
    fill(page, seed="4")
    page.click("#again")
    wait_for_tune(page, 2)
    after = bar_heads(page)
    assert [after[place] for place in (*chips, 6)] == [before[place] for place in (*chips, 6)]
    assert after != before
    wait_until(lambda: count(page, "#chips .chip.kept") == 3, "the bars stay kept")
    page.click("#extend")
    wait_for_tune(page, 3)
    assert count(page, "#player g.measure") == len(before) + 8
    page.click("#undo")
    assert bar_heads(page) == after
    page.click("#vary")
    wait_for_tune(page, 4)
    assert count(page, "#player g.measure") == len(before)


def test_the_keyboard_composes_varies_and_changes_the_tab(page: Browser) -> None:
    fill(page, bars="4")
    page.press("c")
    wait_for_tune(page, 1)
    page.press("v")
    wait_for_tune(page, 2)
    page.press("u")
    wait_until(lambda: count(page, "#history li:last-child [aria-current]") == 1, "the first tune is shown again")
    page.run("document.getElementById('bars').focus()")
    page.press("c")
    page.run("document.getElementById('tab-compose').focus()")
    page.press("Right")
    wait_until(lambda: "Drop a MIDI file" in page.text(), "the other half is shown")
    assert num_made(page) == 2, "letters in fields do nothing"


def test_a_favourite_is_listed_after_a_reload(page: Browser, server: Served) -> None:
    fill(page, bars="4", seed="21")
    page.click("#make")
    wait_for_tune(page, 1)
    before = bar_heads(page)
    page.click("#star")
    wait_until(lambda: count(page, "#favourites .entry") == 1, "the favourite is listed")
    page.reload()
    wait_until(lambda: count(page, "#favourites .entry") == 1, "the favourite is listed again")
    assert num_made(page) == 0
    page.click("#favourites .entry")
    wait_until(lambda: count(page, NOTES) > 0, "the favourite is shown")
    assert bar_heads(page) == before
    page.click("#get-abc")
    wait_until(lambda: any(page.downloads.glob("small-seed-21.abc")), "the file was downloaded")
    page.click("#favourites .quiet")
    wait_until(lambda: count(page, "#favourites .entry") == 0, "the favourite is removed")
    assert list((server.folder / "favourites").glob("*.json")) == []


def drop(browser: Browser, name: str, content: str) -> None:
    """Drop a file, whose content is an expression in JavaScript, on the page."""
    browser.run(
        f"const files = new DataTransfer(); files.items.add(new File([{content}], '{name}'));"
        "document.getElementById('drop').dispatchEvent(new DragEvent('drop', {dataTransfer: files, bubbles: true}))"
    )


def dropped(data: bytes) -> str:
    return f"Uint8Array.from(atob('{base64.b64encode(data).decode()}'), sign => sign.charCodeAt(0))"


def test_a_dropped_file_is_performed_and_bad_ones_are_refused_in_one_line(page: Browser) -> None:
    page.click("#tab-perform")
    drop(page, "huge.mid", "new ArrayBuffer(100_000_000)")
    page.wait_for("huge.mid is too large: files of at most 8 MiB are read")
    drop(page, "broken.mid", dropped(b"no MIDI"))
    page.wait_for("a readable MIDI file with piano notes is needed: ")
    assert page.run("return document.getElementById('piece').hidden")
    drop(page, "waltz.mid", dropped(hand_midi.performance(1, length=33)))
    page.wait_for("waltz.mid")
    wait_until(lambda: count(page, "#piece-player canvas") == 1, "the notes are drawn")
    address = str(value(page, "performed", "href"))
    page.click("#styles .chip", 3)
    wait_until(lambda: value(page, "performed", "href") != address, "the blend is performed")
    address = str(value(page, "performed", "href"))
    fill(page, share="0.9", amount="3")
    wait_until(lambda: value(page, "performed", "href") != address, "another blend is performed")
    assert page.run("return document.getElementById('piece-problem').hidden")
    page.click("#performed")
    wait_until(lambda: any(page.downloads.glob("performed*.mid")), "the file was downloaded")


def test_a_browser_without_sound_shows_everything_and_says_so(page: Browser) -> None:
    page.run("window.AudioContext = undefined")
    fill(page, bars="4")
    page.click("#make")
    wait_for_tune(page, 1)
    page.click("#player .play")
    page.wait_for("This browser cannot play sound.")
    assert count(page, NOTES) > 0


def test_a_phone_shows_everything_within_its_width(server: Served) -> None:
    with Browser(PHONE) as phone:
        phone.open(server.url)
        wait_until(lambda: bool(value(phone, "model", "textContent")), "the page knows its models")
        fill(phone, bars="16", metre="6/8")
        phone.click("#make")
        wait_for_tune(phone, 1)
        assert phone.run("return document.documentElement.scrollWidth") == phone.run("return innerWidth") == PHONE
        page = phone.run("const box = document.querySelector('#player svg').getBoundingClientRect(); return box.right")
        assert page < PHONE, "the score is as wide as the phone"
        sizes = phone.run("return [...document.querySelectorAll('#compose button')].map(e => e.offsetHeight)")
        assert min(size for size in sizes if size) >= 40, "a finger needs that much"


def test_the_page_says_nothing_in_the_console(page: Browser) -> None:
    page.console()  # with the refusals of other tests
    fill(page, bars="4")
    page.click("#make")
    wait_for_tune(page, 1)
    assert [entry["message"] for entry in page.console()] == []
