"""The report of a search as one HTML file."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from statistics import fmean

import pytest

from models.families import family as find_family
from search.spec.file import load
from search.study.lease import Driver
from search.study.report import configurations
from tests.browser import MISSING, Browser, wait_until
from tests.search.plots.trained import search_record
from tests.tunesmith.playing.test_player import TUNE
from tunesmith.playing.examples import Example
from tunesmith.playing.music import Music, music_of_tune
from tunesmith.reports.page.comparison import comparisons
from tunesmith.reports.page.content import content_of
from tunesmith.reports.page.document import document

EXAMPLES = [
    Example("Tune 1", {"composed": music_of_tune(TUNE)}),
    Example("A piece", {name: Music("A piece", [(0.0, 1.0, 60, v)]) for name, v in (("flat", 64), ("as played", 90))}),
]
OBJECTIVE = find_family("composer").metrics[0]
MOST_BYTES = 3_000_000


class Scripts(HTMLParser):
    """Collects the text of each script by its id, and all addresses."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: dict[str, str] = {}
        self.addresses: list[str] = []
        self._inside: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self._inside = named.get("id") or "page" if tag == "script" else None
        self.addresses += [named[name] or "" for name in ("src", "href") if name in named]

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.scripts[self._inside] = self.scripts.get(self._inside, "") + data


def test_a_report_of_2000_trials_is_below_3_mb_and_needs_no_other_file() -> None:
    page = document([search_record(2000)])
    assert len(page.encode()) < MOST_BYTES
    read = Scripts(page)
    assert read.addresses == []
    [table] = json.loads(read.scripts["tables"])
    assert len(table["rows"]) == 2000
    figures = json.loads(read.scripts["figures"])
    assert set(figures) == set(re.findall(r'data-figure="([^"]+)"', page))


def test_words_of_users_are_text_in_the_page() -> None:
    record = search_record(12)
    bad = "</script><script>alert(1)</script>"
    trials = (replace(record.trials[0], reason=bad, state="FAIL"), *record.trials[1:])
    page = document([replace(record, trials=trials)])
    assert bad not in page
    [table] = json.loads(Scripts(page).scripts["tables"])
    assert bad in {value for row in table["rows"] for value in row}


def test_without_a_full_trial_the_report_says_what_to_do() -> None:
    record = search_record(12, complete=False)
    content = content_of(record)
    assert "No trial has trained for its full budget yet" in content.findings[0].sentence
    assert "--time none" in content.commands[0][0]
    assert len(content.rows) == 12
    assert document([record])


def test_a_search_without_trials_has_a_report() -> None:
    record = search_record(0)
    assert content_of(record).rows == []
    assert document([record])


def test_a_running_search_is_described_as_such() -> None:
    record = replace(search_record(12), driver=Driver("host", "boot", 1, "2", 3.0, "token"))
    assert content_of(record).subtitle.endswith("running")
    assert not content_of(search_record(12)).subtitle.endswith("running")


def test_searches_on_the_same_folds_are_compared_fold_by_fold_the_best_first() -> None:
    better = replace(search_record(30), spec=load("composer", overrides={"name": "better"}))
    best = configurations(better.trials, OBJECTIVE)[0].trial.number
    others = tuple(trial for trial in better.trials if trial.number != best)
    worse = replace(better, spec=load("composer", overrides={"name": "worse"}), trials=others)
    [compared] = comparisons([worse, better])
    assert compared.remark.startswith("The same folds")
    assert [row[0] for row in compared.rows] == ["better", "worse"]
    first, second = (configurations(record.trials, OBJECTIVE)[0].score for record in (better, worse))
    gaps = [b - a for a, b in zip(first.values, second.values, strict=True)]
    assert float(compared.rows[1][2].split()[0]) == pytest.approx(fmean(gaps), abs=5e-4)
    assert compared.rows[0][2] == ""
    assert len(compared.charts) == 1
    assert "size" in {name for name, _ in compared.settings}
    assert "better and worse" in document([better, worse])


def test_searches_on_other_data_are_not_compared_fold_by_fold() -> None:
    one = search_record(12)
    other_folds = replace(one, spec=load("composer", overrides={"name": "other", "data.seed": 1}), fingerprint="other")
    other_data = replace(
        one, spec=load("composer", overrides={"name": "other", "data.corpus": "ryans"}), fingerprint="other"
    )
    for record, words in ((other_folds, "Different folds of the same data"), (other_data, "Different data")):
        [compared] = comparisons([one, record])
        assert compared.remark.startswith(words)
        assert compared.charts == []
        assert "worse than the best by" not in compared.columns
    assert comparisons([one]) == []


def test_a_search_without_a_full_trial_is_the_last_of_a_comparison() -> None:
    empty = replace(search_record(12, complete=False), spec=load("composer", overrides={"name": "empty"}))
    [compared] = comparisons([empty, search_record(12)])
    assert [row[1] for row in compared.rows][1] == "no full trial"


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.parametrize("width", [1280, 390])
def test_a_browser_draws_the_figures_and_sorts_and_filters_the_table(width: int, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text(document([search_record(60)], {"composer": EXAMPLES}), encoding="utf-8")
    with Browser(width) as browser:
        browser.open(path.as_uri())
        wait_until(lambda: browser.run("return document.querySelector('[data-music] .play') !== null"), "a player")
        browser.click("[data-music] .play")
        wait_until(lambda: browser.run("return document.querySelector('.sounding') !== null"), "the tune plays")
        browser.click(".versions button", 1)
        assert browser.run("return [...document.querySelectorAll('.versions button')].map((b) => b.ariaPressed)") == [
            "false",
            "true",
        ]
        num_figures = browser.run("return document.querySelectorAll('.chart').length")
        for place in range(num_figures):
            browser.run(f"document.querySelectorAll('.chart')[{place}].scrollIntoView()")
            drawn = f"return document.querySelectorAll('.js-plotly-plot').length > {place}"
            wait_until(lambda drawn=drawn: browser.run(drawn), f"figure {place}")
        assert browser.run("return document.documentElement.scrollWidth <= innerWidth")
        titles = browser.run("return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)")
        assert set(titles) == {"Download plot as a PNG", "Zoom", "Pan", "Reset axes"}, "nothing shares data"
        assert [said for said in browser.console() if said["level"] == "SEVERE"] == []
        shown = (
            "return [...document.querySelectorAll('.trials tbody tr')].map((row) => Number(row.cells[2].textContent))"
        )
        full = browser.run(shown)[:12]
        assert full == sorted(full), "the best full trials are first"
        browser.click(".trials th button", 2)
        everything = browser.run(shown)
        assert everything == sorted(everything)
        assert len(everything) == 60
        browser.run(
            "const f = document.querySelector('.filter'); f.value = 'done'; f.dispatchEvent(new Event('input'))"
        )
        assert len(browser.run(shown)) == 12
        assert "12 of 60 trials" in browser.text()
