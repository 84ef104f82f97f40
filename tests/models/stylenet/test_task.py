"""StyleNet's task: batches, losses and predictions compared with naive loops, levels and scales."""

from collections import Counter
from dataclasses import astuple
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data_prep.encodings.windows import Batch
from models.metrics import VELOCITY_METRICS, of_style
from models.stylenet import task as stylenet_task
from models.stylenet.task import StyleNetTask
from tests.models.toy_performances import STYLES, Toy, performances_of
from tests.models.trained_stylenets import DATA, task

if TYPE_CHECKING:
    from models.stylenet.model import Carried


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_styles_alternate_in_proportion_to_their_batches(truncation: str) -> None:
    made = task(truncation=truncation)
    for epoch in (1, 2, 3):
        styles = [style for style, _ in made.steps(epoch)]
        assert len(styles) == made.num_steps(epoch) == len(list(made.losses(epoch)))
        number = Counter(styles)
        if number[0] == number[1]:
            assert all(style != following for style, following in pairwise(styles))
        for at in range(len(styles)):  # a style is at most a batch ahead of its share
            for style in (0, 1):
                assert abs(styles[: at + 1].count(style) - (at + 1) * number[style] / len(styles)) <= 1


def test_styles_with_equal_numbers_of_batches_alternate_strictly() -> None:
    notes = [(beat / 4, 0.25, 60 + beat % 5, 50 + beat) for beat in range(20)]
    data = performances_of([Toy(notes, fold, style) for fold in range(4) for style in (0, 1) for _ in range(2)])
    for truncation in ("chunk", "carry"):
        assert [style for style, _ in task(data, truncation=truncation).steps(1)] == [0, 1] * (
            task(data, truncation=truncation).num_steps(1) // 2
        )


@pytest.mark.parametrize("view", ["note", "grid"])
def test_windows_contain_only_training_performances_of_their_style(view: str) -> None:
    made = task(view=view)
    for style, step in made.steps(1):
        for fold in range(4):
            held = step.batch.length[fold] > 0
            pieces = step.batch.piece[fold][held]
            assert (DATA.style[pieces] == style).all()
            assert (DATA.fold[pieces] != fold).all()


def distance(kind: str, difference: float) -> float:
    """Return the loss of a difference (velocity / 127)."""
    value, zero = torch.tensor(difference, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    if kind == "huber":
        return float(nn.functional.smooth_l1_loss(value, zero, beta=8 / 127))
    return float((nn.functional.l1_loss if kind == "l1" else nn.functional.mse_loss)(value, zero))


def counted_cells(made: StyleNetTask, piece: int) -> dict[int, list[tuple[int, float]]]:
    """Return for each row of a piece the outputs that count, with their velocities / 127, computed cell by cell."""
    data, spec = made.performances, made.spec
    notes = range(int(data.start[piece]), int(data.start[piece + 1]))

    def cell(time: float) -> int:
        return int(np.floor(time * 4 + 0.5))

    rows: dict[int, list[tuple[int, float]]] = {}
    if spec.view == "note":
        ordered = sorted(notes, key=lambda n: (cell(float(data.onset[n])), data.pitch[n], data.onset[n]))
        return {row: [(0, data.velocity[note] / 127)] for row, note in enumerate(ordered)}
    struck: dict[tuple[int, int], tuple[int, float]] = {}
    for n in notes:
        begin, end = cell(float(data.onset[n])), cell(float(data.onset[n] + data.duration[n]))
        key = (begin, int(data.pitch[n]) - 21)
        known = struck.get(key, (begin + 1, 0.0))
        struck[key] = max(known[0], end), max(known[1], data.velocity[n] / 127)
    held: dict[tuple[int, int], float] = {}
    num_rows = 0
    for (begin, key), (end, velocity) in sorted(struck.items()):
        stop = min([end, *(step for step, other in struck if other == key and step > begin)])
        num_rows = max(num_rows, stop)
        for step in range(begin, stop):
            held[step, key] = velocity
    for row in range(num_rows):
        keys = {
            "onset": [key for step, key in struck if step == row],
            "masked_all": [key for step, key in held if step == row],
            "all": range(88),
        }[spec.loss_cells]
        rows[row] = [(key, held.get((row, key), 0.0)) for key in keys]
    return rows


def alone(made: StyleNetTask, piece: int, rows: NDArray[np.int64], fold: int) -> NDArray[np.float64]:
    """Return the outputs [rows, O] of one fold's model for some rows of a piece."""
    index = np.broadcast_to(made.view.start[piece] + rows[:, None], (4, len(rows), 1))
    x = torch.tensor(made.view.inputs(index), dtype=made.model.mean.dtype)
    with torch.no_grad():
        output, _ = made.model(x, torch.full((4, 1), len(rows)), int(made.performances.style[piece]))
    return output[fold, :, 0].double().numpy()


def naive_loss(made: StyleNetTask, batch: Batch, fold: int) -> tuple[float, int]:
    """Return a fold's summed loss and its number of values over the windows of a batch, value by value."""
    spec, total, count = made.spec, 0.0, 0
    columns = (part[fold].tolist() for part in (batch.piece, batch.first, batch.length))
    windows: list[tuple[int, int, int]] = list(zip(*columns, strict=True))
    for piece, first, length in windows:
        if not length:
            continue
        rows = np.arange(first, first + length)
        output, cells = alone(made, piece, rows, fold), counted_cells(made, piece)
        errors = [output[row - first, key] - velocity for row in rows.tolist() for key, velocity in cells[row]]
        count += len(errors)
        level = np.mean(errors) if errors and spec.level == "apart" else 0.0
        total += sum(distance(spec.loss, error - level) for error in errors)
        if spec.level == "apart":
            total += spec.level_weight * len(errors) * distance(spec.loss, float(level))
    return total, count


@pytest.mark.parametrize("level", ["joint", "apart"])
@pytest.mark.parametrize("loss", ["l1", "huber", "mse"])
@pytest.mark.parametrize(
    "view",
    [{"view": "note"}, *({"view": "grid", "loss_cells": cells} for cells in ("onset", "masked_all", "all"))],
    ids=str,
)
def test_the_loss_equals_a_naive_loop(view: dict[str, Any], loss: str, level: str) -> None:
    made = task(loss=loss, level=level, batch_size=2, **view)
    made.model.double()
    for (style, step), step_loss in list(zip(made.steps(1), made.losses(1), strict=True))[:2]:
        assert (made.performances.style[step.batch.piece][step.batch.length > 0] == style).all()
        for fold in range(4):
            total, count = naive_loss(made, step.batch, fold)
            assert int(step_loss.count[fold]) == count > 0
            assert float(step_loss.total[fold]) == pytest.approx(total, rel=1e-5)
            assert float(step_loss.loss[fold].detach()) == pytest.approx(total / count, rel=1e-5)


def test_carried_windows_continue_with_the_state_of_their_piece() -> None:
    made = task(truncation="carry", length=5, level="joint", batch_size=2, interpretation=3)
    made.model.double()
    states: dict[tuple[int, int, int], Carried | None] = {}
    num_carried = 0
    for (style, step), step_loss in zip(made.steps(1), made.losses(1), strict=True):
        assert float(step_loss.count.sum()) == step.batch.length.sum()
        expected = np.zeros(4)
        for fold, slot in np.ndindex(4, 2):
            if step.begins:
                states[style, fold, slot] = None
            piece, first, length = (int(part[fold, slot]) for part in astuple(step.batch))
            if not length:
                continue
            before = states[style, fold, slot]
            num_carried += before is not None
            rows = made.view.start[piece] + first + np.arange(length)
            x = torch.tensor(made.view.inputs(np.broadcast_to(rows[:, None], (4, length, 1)))).double()
            with torch.no_grad():
                output, after = made.model(x, torch.full((4, 1), length), style, state=before)
            states[style, fold, slot] = after
            expected[fold] += np.abs(output[fold, :, 0].numpy() - made.view.targets(rows)[0]).sum()
        assert step_loss.total.numpy() == pytest.approx(expected, rel=1e-6)
    assert num_carried > 20


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_windows_that_carry_a_state_share_the_transposition(truncation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = task(truncation=truncation, augment=4, length=5, batch_size=2)
    seen: list[NDArray[np.float32]] = []

    def forward(x: Tensor, *arguments: Any) -> Any:
        seen.append(x.numpy())
        return original(x, *arguments)

    original = made.model.forward
    monkeypatch.setattr(made.model, "forward", forward)
    list(made.losses(1))
    shifts: dict[int, NDArray[np.int64]] = {}
    drawn: list[int] = []
    for (style, step), x in zip(made.steps(1), seen, strict=True):
        rows, inside = step.batch.rows(made.view.start)
        moved = np.rint((x - made.view.inputs(rows))[..., 0] * 12).astype(np.int64)  # the first input is the pitch
        if step.begins:
            shifts[style] = moved[:, 0]
            drawn += moved[:, 0][step.batch.length > 0].tolist()
        assert (moved == shifts[style][:, None])[inside].all()
    assert set(drawn) == set(range(-4, 5))


@pytest.mark.parametrize(
    "settings",
    [
        {"features": "piece", "genre_sharing": "branches"},
        {"cell": "gru", "bi_merge": "top", "layers": 2, "interpretation": 3},
        {"view": "grid", "genre_sharing": "branches", "interpretation": 5},
        {"view": "grid", "loss_cells": "all", "metre": False},
    ],
    ids=str,
)
def test_predictions_equal_those_of_each_performance_run_alone(settings: dict[str, Any]) -> None:
    made = task(**settings)
    sounding = task(view="grid", loss_cells="masked_all")
    actual = made.predict()
    assert (actual.cell_error is None) == (made.spec.view == "note")
    for piece in range(DATA.num_pieces):
        rows = np.arange(int(made.view.start[piece + 1] - made.view.start[piece]))
        output = alone(made, piece, rows, int(DATA.fold[piece]))
        for note in range(int(DATA.start[piece]), int(DATA.start[piece + 1])):
            row, column = made.view.row[note] - made.view.start[piece], made.view.column[note]
            assert actual.velocity[note] == pytest.approx(output[row, column] * 127, abs=1e-3)
        if actual.cell_error is not None:
            played = np.zeros((len(rows), 88))
            for row, keys in counted_cells(sounding, piece).items():
                for key, velocity in keys:
                    played[row, key] = velocity
            assert actual.cell_error[piece] == pytest.approx(np.mean((output - played) ** 2), rel=1e-4)


@pytest.mark.parametrize("settings", [{}, {"view": "grid"}, {"cell": "gru", "bi_merge": "top"}], ids=str)
def test_evaluation_does_not_depend_on_how_performances_are_packed(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = task(**settings)
    together = made.evaluate(1)
    assert tuple(together) == made.metric_names
    monkeypatch.setattr(stylenet_task, "_SCORED_ROWS", 1)
    one_by_one = made.evaluate(1)
    for name, actual in together.items():
        assert actual.values == pytest.approx(one_by_one[name].values, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("view", [{"view": "note"}, {"view": "grid"}, {"view": "grid", "loss_cells": "all"}], ids=str)
def test_levels_are_shrunk_to_the_styles_training_median(view: dict[str, Any], share: float) -> None:
    predicted, free = (task(level_shrink=part, **view).predict().velocity for part in (share, 0.0))
    style, fold = DATA.style[DATA.piece_of_note], DATA.fold[DATA.piece_of_note]
    for piece in range(DATA.num_pieces):
        of_piece = DATA.piece_of_note == piece
        learnt = (style == DATA.style[piece]) & (fold != DATA.fold[piece])
        median = np.median(DATA.velocity[learnt])
        own = free[of_piece].mean()
        assert predicted[of_piece].mean() == pytest.approx(own + share * (median - own), abs=0.02)
        moved = predicted[of_piece] - free[of_piece]
        assert np.ptp(moved) < 1e-3


def test_levels_and_scales_are_computed_from_training_rows() -> None:
    made = task(features="piece")
    for fold in range(4):
        learnt = DATA.fold[DATA.piece_of_note] != fold
        inputs = made.view.inputs(np.sort(made.view.row[learnt])).astype(np.float64)
        assert made.model.mean[fold].numpy() == pytest.approx(inputs.mean(axis=0), abs=1e-5)
        deviation = inputs.std(axis=0)
        expected = np.where(deviation > 1e-6, deviation, 1.0)
        assert made.model.deviation[fold].numpy() == pytest.approx(expected, rel=1e-4)
        for style in range(2):
            of_style_ = learnt & (DATA.style[DATA.piece_of_note] == style)
            level = float(made.model.level[fold, style]) * 127
            assert level == pytest.approx(np.median(DATA.velocity[of_style_]), abs=1e-4)
    grid = task(view="grid")
    assert not grid.model.mean.any()
    assert grid.model.deviation.eq(1).all()


def test_every_metric_is_reported_for_each_style() -> None:
    actual = task().evaluate(1)
    assert set(actual) == {metric.name for metric in VELOCITY_METRICS} | {
        of_style(metric, style) for metric in VELOCITY_METRICS for style in STYLES
    }
    assert all(len(values.values) == 4 for values in actual.values())
