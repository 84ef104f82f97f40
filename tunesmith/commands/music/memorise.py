"""``tunesmith memorise``: how much context and training a network needs to memorise a tune."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from data_prep.errors import BadInputError
from data_prep.storage.user_files import check_new
from data_prep.wording import counted
from tunesmith.console import out, print_json, warn
from tunesmith.home import make_folder
from tunesmith.options import AsJson, Force, Settings, read_settings

if TYPE_CHECKING:
    from data_prep.tunes.lessons import Lesson
    from models.uses.offers import Memoriser, Recollection

_MOST_VALUES = 16
"""Maximum number of rows or columns of the grid."""

_FORMATS = ("abc", "midi", "svg")
_GRID = "grid.png"


def memorise(
    tune: Annotated[
        Path | None,
        typer.Argument(
            help="An ABC, MIDI, MusicXML or kern file of one tune.",
            show_default="Mary Had a Little Lamb",
            metavar="TUNE.abc",
        ),
    ] = None,
    inputs: Annotated[
        str,
        typer.Option(help="Numbers of previous notes that a network sees, separated by commas.", metavar="N,N,..."),
    ] = "1,2,4,8",
    iterations: Annotated[
        str,
        typer.Option(
            help="Numbers of training steps after which it is tested, separated by commas.", metavar="N,N,..."
        ),
    ] = "250,500,1000,2000",
    bars: Annotated[int, typer.Option(help="Number of bars of the tune to start from.", min=1)] = 4,
    settings: Settings = None,
    seed: Annotated[int, typer.Option(help="Seed of the initial weights, windows and dropout.", min=0)] = 0,
    folder: Annotated[
        Path | None,
        typer.Option("--out", help="Folder for the continuations and a picture of the grid.", metavar="DIR"),
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Train networks on a single tune, and show how well they reproduce it from its first bars.

    Each row is a network that sees this number of previous notes, in training
    and when it continues the tune with the most likely note. Each column is a
    number of training steps. A cell shows how many of the remaining notes are
    equal to those of the tune.

    Examples:
        tunesmith memorise

        tunesmith memorise tune.abc --inputs 4,8,16 --iterations 1000,2000 --out memorised/

        tunesmith memorise --set cell=peephole --set size=64
    """
    from data_prep.tunes.lessons import read_lesson
    from models.families import offering
    from models.training.device import use_threads
    from models.uses.offers import MemorisingFamily

    memoriser = next(iter(offering(MemorisingFamily).values())).memoriser()
    input_bounds, iteration_bounds = memoriser.lesson_bounds()
    rows = _numbers("--inputs", inputs, *input_bounds)
    columns = _numbers("--iterations", iterations, *iteration_bounds)
    values = read_settings(settings or [])
    specs = [memoriser.lesson_spec(values, row, columns[-1], "--set") for row in rows]
    lesson, remarks = read_lesson(tune, bars)
    for remark in remarks:
        warn(remark)
    if folder is not None:
        _prepare_folder(folder, lesson, [(row, column) for row in rows for column in columns], replace=force)
    use_threads(1)
    cells = _train(memoriser, lesson, specs, columns, seed)
    files = [] if folder is None else _write(cells, lesson, folder, replace=force)
    if as_json:
        print_json({"tune": lesson.tune.title, "remarks": remarks, **_as_data(cells, lesson), "files": files})
        return
    _print(cells, lesson, rows, columns)
    if files:
        text = f"{counted(len(files) - 1, 'file')} of continuations, and {files[-1]}"
        out.print(text, soft_wrap=True, markup=False)


def _numbers(option: str, text: str, low: int, high: int) -> list[int]:
    """Parse a list of whole numbers within bounds; return them in ascending order without duplicates."""
    parts = [part.strip() for part in text.split(",")]
    valid = [part.isascii() and part.isdigit() and len(part) <= len(str(high)) for part in parts]
    numbers = sorted({int(part) for part in parts}) if all(valid) else []
    if not numbers or len(numbers) > _MOST_VALUES or not low <= numbers[0] <= numbers[-1] <= high:
        rule = (
            f"{option} takes 1 to {_MOST_VALUES} whole numbers from {low} to {high}, separated by commas, such as 1,2,4"
        )
        raise BadInputError(rule, f"got {text!r}")
    return numbers


def _stem(num_inputs: int, num_steps: int) -> str:
    return f"inputs-{num_inputs}-iterations-{num_steps}"


def _prepare_folder(folder: Path, lesson: "Lesson", cells: list[tuple[int, int]], *, replace: bool) -> None:
    """Create the folder, and check that the files can be written to it, before training starts."""
    from data_prep.writers.files import check, paths

    check(lesson.tune)
    files = [path for cell in cells for path in paths(folder, _stem(*cell), _FORMATS)]
    check_new([*files, folder / _GRID], replace=replace)
    make_folder(folder, "tunes", "--out")


def _train(
    memoriser: "Memoriser", lesson: "Lesson", specs: list[Any], columns: list[int], seed: int
) -> "list[Recollection]":
    from tunesmith.progress_bar import Bar

    cells: list[Recollection] = []
    with Bar() as bar:
        bar.start(len(specs) * columns[-1], "training steps")
        for spec in specs:
            cells += memoriser.memorise(lesson, spec, columns, seed=seed, progress=bar)
    return cells


def _write(cells: "list[Recollection]", lesson: "Lesson", folder: Path, *, replace: bool) -> list[str]:
    """Write the continuations and the picture of the grid; return the files."""
    import dataclasses

    from data_prep.writers.files import write
    from tunesmith.reports.pictures import save
    from tunesmith.reports.tunes.memorised import draw_grid

    paths: list[Path] = []
    for cell in cells:
        network = f"{counted(cell.num_inputs, 'input')}, {counted(cell.iterations, 'iteration')}"
        tune = dataclasses.replace(cell.tune, title=f"{lesson.tune.title or 'The tune'}: {network}")
        paths += write(tune, folder, _stem(cell.num_inputs, cell.iterations), _FORMATS, replace=replace)
    paths.append(folder / _GRID)
    save(draw_grid(cells, lesson.tune.title), paths[-1], replace=replace)
    return [str(path) for path in paths]


def _as_data(cells: "list[Recollection]", lesson: "Lesson") -> dict[str, Any]:
    return {
        "given_notes": lesson.tune.num_prompt,
        "notes": lesson.tune.num_notes,
        "cells": [
            {
                "inputs": cell.num_inputs,
                "iterations": cell.iterations,
                "right": sum(cell.right),
                "share": cell.share,
                "pitch": cell.tune.pitch,
                "duration": [str(duration) for duration in cell.tune.duration],
            }
            for cell in cells
        ],
    }


def _print(cells: "list[Recollection]", lesson: "Lesson", rows: list[int], columns: list[int]) -> None:
    tune, left = lesson.tune, lesson.tune.num_notes - lesson.tune.num_prompt
    title = f"[bold]{escape(tune.title or 'the tune')}[/]"
    out.print(f"{title}: correct notes among the {left} after the first {tune.num_prompt}", soft_wrap=True)
    table = Table("inputs \\ iterations", *map(str, columns), box=None, header_style="bold")
    right = {(cell.num_inputs, cell.iterations): sum(cell.right) for cell in cells}
    for row in rows:
        texts = [str(right[row, column]) for column in columns]
        table.add_row(str(row), *(f"[green]{text}[/]" if text == str(left) else text for text in texts))
    out.print(table)
