"""``tunesmith memorise``: its table, JSON, tunes and picture, and errors in one line."""

import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from data_prep.tunes.lessons import read_lesson
from data_prep.tunes.prompts import read_prompt
from models.composer.memorising import Recollection
from tests.tunesmith.conftest import Done
from tunesmith.cli import run
from tunesmith.reports.tunes.memorised import draw_grid

SMALL = "--set size=8"


@pytest.fixture
def memorise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str], Done]:
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def command(arguments: str) -> Done:
        status = run(["memorise", *arguments.split()])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return command


def test_json_tunes_and_picture_agree_on_the_grid(memorise: Callable[[str], Done], tmp_path: Path) -> None:
    done = memorise(f"--inputs 4,1 --iterations 6,2 {SMALL} --out here --json")
    assert done.status == 0, done.err
    result = json.loads(done.out)
    assert (result["tune"], result["given_notes"], result["notes"], result["remarks"]) == (
        "Mary Had a Little Lamb",
        13,
        26,
        [],
    )
    assert [(cell["inputs"], cell["iterations"]) for cell in result["cells"]] == [(1, 2), (1, 6), (4, 2), (4, 6)]
    mary = read_lesson(None, 4)[0].tune
    for cell in result["cells"]:
        pitch, duration = cell["pitch"], [Fraction(text) for text in cell["duration"]]
        notes = list(zip(pitch, duration, strict=True))
        expected = list(zip(mary.pitch, mary.duration, strict=True))
        assert notes[:13] == expected[:13]
        assert cell["right"] == sum(note == right for note, right in zip(notes[13:], expected[13:], strict=True))
        assert cell["share"] == cell["right"] / 13
        read, _ = read_prompt(tmp_path / "here" / f"inputs-{cell['inputs']}-iterations-{cell['iterations']}.abc")
        noun = "input" if cell["inputs"] == 1 else "inputs"
        assert read.title == f"Mary Had a Little Lamb: {cell['inputs']} {noun}, {cell['iterations']} iterations"
        assert list(read.pitch[:13]) == pitch[:13]
        assert sum(read.duration) == sum(duration)
    assert {Path(path).suffix for path in result["files"]} == {".abc", ".mid", ".svg", ".png"}
    assert all((tmp_path / path).stat().st_size > 0 for path in result["files"])
    again = memorise(f"--inputs 2 --iterations 2 {SMALL} --out here")
    assert again.status == 2
    assert "grid.png exists; choose another name or folder, or replace the files (--force)" in " ".join(
        again.err.split()
    )
    assert len(list((tmp_path / "here").iterdir())) == len(result["files"])


def test_the_same_seed_gives_the_same_grid(memorise: Callable[[str], Done]) -> None:
    grids = [memorise(f"--inputs 3 --iterations 4 {SMALL} --seed {seed} --json").out for seed in (1, 1, 2)]
    assert grids[0] == grids[1] != grids[2]


def test_the_table_shows_the_numbers_of_correct_notes(memorise: Callable[[str], Done]) -> None:
    done = memorise(f"--inputs 2,3 --iterations 1,4 --bars 6 {SMALL}")
    assert done.status == 0, done.err
    head, columns, *rows = done.out.splitlines()
    assert head == "Mary Had a Little Lamb: correct notes among the 5 after the first 21"
    assert columns.split() == ["inputs", "\\", "iterations", "1", "4"]
    assert [row.split()[0] for row in rows] == ["2", "3"]
    assert "training steps" in done.err


def test_the_first_tune_of_a_file_is_used_with_a_remark(memorise: Callable[[str], Done], tmp_path: Path) -> None:
    (tmp_path / "two.abc").write_text("X:1\nM:2/4\nL:1/4\nK:G\nGA|Bz|GB|AG|\n\nX:2\nM:2/4\nL:1/4\nK:G\nGA|Bc|\n")
    done = memorise(f"two.abc --bars 2 --inputs 2 --iterations 3 {SMALL} --json")
    assert done.status == 0, done.err
    result = json.loads(done.out)
    assert (result["given_notes"], result["notes"]) == (4, 8)
    assert "the first of its 2 tunes is taken" in " ".join(done.err.split())
    assert len(result["remarks"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--inputs 0",
            "--inputs takes 1 to 16 whole numbers from 1 to 4096, separated by commas, such as 1,2,4: got '0'",
        ),
        ("--inputs 1,,2", "got '1,,2'"),
        ("--inputs few", "got 'few'"),
        ("--inputs -3", "got '-3'"),
        ("--inputs 1.5", "got '1.5'"),
        ("--inputs ²", "got '²'"),
        (f"--inputs {'9' * 5000}", "--inputs takes"),
        (f"--inputs {','.join(map(str, range(1, 18)))}", "--inputs takes 1 to 16 whole numbers"),
        ("--iterations 100001", "--iterations takes 1 to 16 whole numbers from 1 to 100000"),
        ("--iterations 0,5", "got '0,5'"),
        ("--bars 0", "bars"),
        ("--bars 8", "has no note after 8 of them"),
        ("--set length=3", "length cannot be chosen here"),
        ("--set siez=3", "did you mean 'size'?"),
        ("none.abc", "a lesson must be an existing file"),
        ("short.abc", "short.abc has no note after 4 of them; name a longer tune, or give fewer bars"),
        ("one.abc", "one.abc has no note after 4 of them"),
        ("one.abc --out one.abc/x", "has no note after 4"),
        ("--out short.abc", "the folder of tunes must be writable: short.abc is not"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(
    arguments: str, message: str, memorise: Callable[[str], Done], tmp_path: Path
) -> None:
    (tmp_path / "short.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|c4|\n")
    (tmp_path / "one.abc").write_text("X:1\nM:4/4\nL:1/4\nK:C\nC|\n")
    done = memorise(arguments)
    assert done.status == 2
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert done.out == ""


def test_the_picture_has_a_panel_per_cell_and_a_colour_per_kind_of_note() -> None:
    tune = read_lesson(None, 4)[0].tune
    cells = [
        Recollection(inputs, iterations, tune, (True,) * right + (False,) * (13 - right))
        for inputs, iterations, right in [(1, 10, 0), (1, 20, 5), (8, 10, 12), (8, 20, 13)]
    ]
    figure = draw_grid(cells, "Mary")
    assert isinstance(figure, Figure)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == ["0 of 13 right (0%)", "5 of 13 right (38%)", "12 of 13 right (92%)", "13 of 13 right (100%)"]
    drawn = [
        {to_hex(lines.get_colors()[0]): len(lines.get_segments()) for lines in cast("Any", axes.collections)}
        for axes in figure.axes
    ]
    grey, blue, red = to_hex("0.7"), "#0072b2", "#d55e00"
    assert drawn == [
        {grey: 13, red: 13},
        {grey: 13, blue: 5, red: 8},
        {grey: 13, blue: 12, red: 1},
        {grey: 13, blue: 13},
    ]


def test_help_does_not_import_heavy_libraries() -> None:
    code = (
        "import sys\nfrom tunesmith.cli import run\nrun(['memorise', '--help'])\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'music21'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
