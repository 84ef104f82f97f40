"""A small grid of memorised tunes: its shares are those of the networks, and its page shows them."""

import json
from pathlib import Path

from data_prep.tunes.lessons import read_lesson
from models.composer.memorising import lesson_spec, memorise
from models.experiments import GridExperiment
from tunesmith.progress_bar import Bar
from tunesmith.reproducing.grid import reproduce_grid, summary, table

SMALL = GridExperiment("x/grid", "a tune", "Figure 0", (1, 4), (20, 60), bars=4, seconds=1.0)


def test_shares_are_those_of_the_networks(tmp_path: Path) -> None:
    shares, files = reproduce_grid(SMALL, "composer", 2, tmp_path / "page")
    lesson, _ = read_lesson(None, 4)
    with Bar() as bar:
        again = list(memorise(lesson, lesson_spec({}, 4, 60), (20, 60), seed=1, progress=bar))
    assert [shares[4, cell.iterations][1] for cell in again] == [sum(cell.right) / len(cell.right) for cell in again]
    assert [path.name for path in files] == ["page.md", "page.html", "data.json", "grid.png"]
    text = files[0].read_text(encoding="utf-8")
    titles, rows = table(SMALL, shares)
    assert f"| {' | '.join(titles)} |" in text
    assert all(f"| {' | '.join(row)} |" in text for row in rows)
    assert summary(SMALL, shares) in text
    cells = json.loads(files[2].read_text(encoding="utf-8"))["cells"]
    assert {(cell["inputs"], cell["iterations"]): cell["shares"] for cell in cells} == shares


def test_the_verdict_follows_the_shares() -> None:
    rising = {(1, 20): [0.1, 0.1], (1, 60): [0.2, 0.2], (4, 20): [0.3, 0.5], (4, 60): [1.0, 0.9]}
    assert summary(SMALL, rising).startswith("That more inputs and more iterations come closer to the tune holds. ")
    assert summary(SMALL, rising).endswith("reproduces the entire tune: 1 of 2 does.")
    assert summary(SMALL, {**rising, (4, 60): [0.8, 0.9]}).endswith("0 of 2 do.")
    falling = {cell: [1 - share for share in values] for cell, values in rising.items()}
    assert "does not hold" in summary(SMALL, falling)
