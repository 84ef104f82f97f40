"""What a notebook shows, in a real browser."""

# notebooks call _repr_html_:
# pyright: reportPrivateUsage=false

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from data_prep.tunes.notation import Tune
from tests.browser import Browser, wait_until
from tunesmith.python.notebook import table_html
from tunesmith.python.tunes import PlayableTune, PlayableTunes

TUNE = Tune(pitch=(62, 64, 66, 67, 69, 66, -1, 62), duration=(Fraction(1),) * 8, fifths=2, title="A <tune> & a jig")
BAD = "</script><script>alert(1)</script>"


def opened(browser: Browser, folder: Path, html: str) -> None:
    """Open HTML in a page whose styles and names would clash with those of a player."""
    clashes = "<style>button { display: none } svg { display: none }</style><script>const tunesmithPlayer = 1</script>"
    (folder / "cells.html").write_text(f'<!doctype html><meta charset="utf-8">{clashes}<body>{html}', "utf-8")
    browser.open((folder / "cells.html").as_uri())


def test_a_tune_is_engraved_and_played(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, PlayableTune(TUNE)._repr_html_())
    browser.enter_frame(0)
    assert browser.run("return document.querySelector('h3').textContent") == TUNE.title
    assert browser.run("return document.querySelectorAll('svg .note').length") == 7
    assert browser.run("return document.querySelectorAll('.sounding').length") == 0
    browser.click(".play")
    wait_until(lambda: browser.run("return document.querySelectorAll('.sounding').length") == 1, "a note sounds")
    assert browser.run("return document.documentElement.scrollHeight <= window.innerHeight"), "the frame is high enough"


def test_a_list_of_tunes_shows_the_first(browser: Browser, tmp_path: Path) -> None:
    tunes = PlayableTunes(PlayableTune(replace(TUNE, title=title)) for title in ("", BAD, *"abcdefgh"))
    opened(browser, tmp_path, tunes._repr_html_())
    assert "and 2 more" in browser.text()
    browser.enter_frame(0)
    titles = browser.run("return [...document.querySelectorAll('h3')].map((title) => title.textContent)")
    assert titles == ["Tune 1", BAD, *"abcdef"]
    assert browser.run("return document.querySelectorAll('.play').length") == 8


def test_no_tunes_are_a_line() -> None:
    assert PlayableTunes()._repr_html_() == "<p>no tunes</p>"


def test_words_of_users_are_text_in_a_table(browser: Browser, tmp_path: Path) -> None:
    opened(browser, tmp_path, table_html(BAD, [BAD], (BAD, "b"), [(BAD, 1), ("x", BAD)]))
    assert browser.text().count(BAD) == 5
