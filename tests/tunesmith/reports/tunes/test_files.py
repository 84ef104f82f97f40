import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from data_prep.tunes.copies import CorpusIndex
from data_prep.tunes.corpus_measures import CorpusMeasures, corpus_measures
from data_prep.tunes.from_melodies import corpus_tunes
from data_prep.tunes.measures import MEASURES
from data_prep.tunes.notation import Tune
from data_prep.writers.files import write
from tests import hand_melodies
from tunesmith.console import out
from tunesmith.reports.tunes.contents import report_data
from tunesmith.reports.tunes.files import write_report
from tunesmith.reports.tunes.text import print_report

MELODIES = hand_melodies.melodies(hand_melodies.random_tunes(60, least=20, most=40))
FIRST = corpus_tunes(MELODIES)[0]
POOR = Tune((36, 97) * 20, (Fraction(5, 3),) * 40, title="A *poor* | tune")


@pytest.fixture(scope="module")
def index() -> CorpusIndex:
    return CorpusIndex(MELODIES, ["The [First] Piece", *[""] * 59])


@pytest.fixture(scope="module")
def corpus(index: CorpusIndex, tmp_path_factory: pytest.TempPathFactory) -> CorpusMeasures:
    return corpus_measures(MELODIES, index, tmp_path_factory.mktemp("cache"))


def test_measures_are_compared_with_the_corpus(corpus: CorpusMeasures, index: CorpusIndex) -> None:
    tunes = {"copied": replace(FIRST.transposed(3), num_prompt=2), "poor": POOR}
    report = report_data(tunes, corpus, index)
    assert list(report["measures"]) == list(MEASURES) == list(report["tunes"]["poor"]["values"])
    assert report["corpus"] == {"name": "by hand", "pieces": 60}
    leap = report["measures"]["largest_leap"]["corpus"]
    assert leap["low"] <= leap["median"] <= leap["high"] < 61
    assert report["tunes"]["poor"]["values"]["largest_leap"] == {"value": 61, "percentile": 100, "unusual": "high"}
    assert report["tunes"]["poor"]["longest_copy"] is None  # the corpus has no such duration
    copy = report["tunes"]["copied"]["longest_copy"]
    assert (copy["title"], copy["piece"], copy["semitones"]) == ("The [First] Piece", "tune 0", 3)
    assert report["tunes"]["copied"]["values"]["longest_copy"]["value"] == copy["length"] >= FIRST.num_notes - 5
    assert json.loads(json.dumps(report)) == report


def test_the_report_links_to_the_files_of_the_tunes(corpus: CorpusMeasures, index: CorpusIndex, tmp_path: Path) -> None:
    tunes = {"a tune": replace(FIRST, title="Again"), "poor": POOR}
    write(tunes["a tune"], tmp_path, "a tune", ["abc", "png"])
    report, paths = write_report(tunes, corpus, index, tmp_path, "some report")
    assert [path.name for path in paths] == ["some report.json", "some report.md", "some report.png"]
    assert json.loads(paths[0].read_text()) == report
    assert paths[2].read_bytes().startswith(b"\x89PNG")
    page = paths[1].read_text()
    assert "(some%20report.png)" in page
    assert "[a tune.abc](a%20tune.abc)" in page
    assert "![a tune](a%20tune.png)" in page
    assert "![poor]" not in page
    assert "## A \\*poor\\* \\| tune" in page
    assert "The \\[First\\] Piece (tune 0) from note 1 on, at the same pitch." in page
    rows = [line for line in page.splitlines() if line.startswith("|")]
    assert len(rows) == 2 + len(MEASURES)
    assert {row.count("|") for row in rows} == {6}


def test_without_a_corpus_its_columns_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report, paths = write_report({"poor": POOR}, None, None, tmp_path, "report")
    assert [path.name for path in paths] == ["report.json", "report.md"]
    assert report["corpus"] is None
    assert report["tunes"]["poor"]["values"]["largest_leap"] == {"value": 61, "percentile": None, "unusual": None}
    assert "not available" in paths[1].read_text()
    assert "median" not in paths[1].read_text()
    print_report(report)
    assert "not compared" in capsys.readouterr().out


@pytest.mark.parametrize(("width", "num_shown"), [(80, 2), (120, 6), (70, 1)])
def test_the_table_marks_unusual_values_and_has_as_many_tunes_as_fit(
    width: int,
    num_shown: int,
    corpus: CorpusMeasures,
    index: CorpusIndex,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(out, "width", width)
    print_report(report_data({f"tune-{number}": POOR for number in range(8)}, corpus, index))
    shown = capsys.readouterr().out
    [leap] = [line for line in shown.splitlines() if line.startswith("largest leap")]
    assert leap.count("61 ▲") == num_shown
    assert len(leap) <= width
    assert f"and {8 - num_shown} more" in shown
    assert f"tune-{num_shown - 1}: no 8 consecutive notes" in shown
    assert f"tune-{num_shown}:" not in shown


def test_a_folder_that_is_not_writable_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInputError, match=r"must be writable: .*file.*Not a directory"):
        write_report({"poor": POOR}, None, None, tmp_path / "file", "report")
