"""The figure of memorised tunes: networks of several sizes of context continue one tune."""

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from data_prep.tunes.lessons import Lesson, read_lesson
from data_prep.wording import by_number, counted
from models.experiments import GridExperiment
from models.families import offering
from models.training.device import use_threads
from models.uses.offers import Memoriser, MemorisingFamily, Recollection
from tunesmith.progress_bar import Bar
from tunesmith.reports.tunes.memorised import draw_grid
from tunesmith.reproducing.files import content, write_files

Shares: TypeAlias = Mapping[tuple[int, int], Sequence[float]]
"""The share of right notes for each seed, by inputs and iterations."""

_PICTURE = "grid.png"


def reproduce_grid(experiment: GridExperiment, family: str, seeds: int, folder: Path) -> tuple[Shares, list[Path]]:
    """Train the networks of every row and seed, and write the page.

    Args:
        experiment: The experiment.
        family: The name of its family.
        seeds: Number of networks of each row.
        folder: The folder of the page; it is created.

    Returns:
        The shares of right notes, and the files.

    Raises:
        BadInputError: If the folder cannot be written to.
    """
    memoriser = offering(MemorisingFamily)[family].memoriser()
    lesson, _ = read_lesson(None, experiment.bars)
    use_threads(1)
    with Bar() as bar:
        bar.start(seeds * len(experiment.inputs) * experiment.iterations[-1], "training steps")
        cells = [list(_train(experiment, memoriser, lesson, seed, bar)) for seed in range(seeds)]
    shares: dict[tuple[int, int], list[float]] = {}
    for cell in (cell for of_seed in cells for cell in of_seed):
        shares.setdefault((cell.num_inputs, cell.iterations), []).append(cell.share)
    text = "\n".join([*_page(experiment, shares, seeds), ""])
    data = {"experiment": experiment.name, "cells": as_data(shares)}
    picture = content(draw_grid(cells[0], lesson.tune.title), _PICTURE)
    return shares, write_files(folder, experiment.name, text, data, {_PICTURE: picture})


def _train(
    experiment: GridExperiment, memoriser: Memoriser, lesson: Lesson, seed: int, bar: Bar
) -> Iterator[Recollection]:
    for inputs in experiment.inputs:
        spec = memoriser.lesson_spec({}, inputs, experiment.iterations[-1])
        yield from memoriser.memorise(lesson, spec, experiment.iterations, seed=seed, progress=bar)


def table(experiment: GridExperiment, shares: Shares) -> tuple[list[str], list[list[str]]]:
    """Return the titles and the cells of the table: mean shares of right notes."""
    titles = ["inputs", *(counted(number, "iteration") for number in experiment.iterations)]
    rows = [
        [str(row), *(f"{statistics.fmean(shares[row, column]):.0%}" for column in experiment.iterations)]
        for row in experiment.inputs
    ]
    return titles, rows


def summary(experiment: GridExperiment, shares: Shares) -> str:
    """Return the verdicts on the paper's two statements."""
    inputs, iterations = experiment.inputs, experiment.iterations
    mean = {cell: statistics.fmean(values) for cell, values in shares.items()}
    by_inputs = mean[inputs[-1], iterations[-1]] > mean[inputs[0], iterations[-1]]
    by_steps = mean[inputs[-1], iterations[-1]] > mean[inputs[-1], iterations[0]]
    whole = sum(share == 1 for share in shares[inputs[-1], iterations[-1]])
    count = len(shares[inputs[-1], iterations[-1]])
    closer = "holds" if by_inputs and by_steps else "does not hold"
    most = f"{counted(inputs[-1], 'input')} and {counted(iterations[-1], 'iteration')}"
    return (
        f"That more inputs and more iterations come closer to the tune {closer}. The paper says that a network with "
        f"{most} reproduces the entire tune: {whole} of {count} {by_number(whole, 'does', 'do')}."
    )


def _page(experiment: GridExperiment, shares: Shares, seeds: int) -> Iterator[str]:
    yield from (f"# {experiment.name}: {experiment.title}", "", f"{experiment.source}.", "")
    beginning = f"the first {counted(experiment.bars, 'bar')}"
    networks = counted(seeds, "network")
    yield (
        f"Each network sees the last notes only, and continues {beginning} with the most likely note. The table shows "
        f"the share of right notes, the mean over {networks}; the picture shows the first."
    )
    yield from ("", f"**{summary(experiment, shares)}**", "")
    titles, rows = table(experiment, shares)
    for row in (titles, ["---"] * len(titles), *rows):
        yield f"| {' | '.join(row)} |"
    yield from ("", f"![Continuations by inputs and iterations]({_PICTURE})", "")
    options = f" --seeds {seeds}" if seeds > 1 else ""
    yield from ("Repeat it with:", "", "```sh", f"tunesmith reproduce {experiment.name}{options}", "```")


def as_data(shares: Shares) -> list[dict[str, Any]]:
    """Return the shares as plain values."""
    return [
        {"inputs": inputs, "iterations": iterations, "shares": list(values)}
        for (inputs, iterations), values in shares.items()
    ]
