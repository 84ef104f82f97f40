"""StyleNet's task: losses counted one by one, predictions run alone, styles in turn, no leak of what is held out."""

from collections import Counter
from dataclasses import astuple, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from data_prep.encodings.windows import Batch
from data_prep.performances.arrays import Performances
from models.families import family
from models.metrics import (
    ONSET_CORRELATION,
    ONSET_MAE,
    TRAIN_LOSS,
    VELOCITY_METRICS,
    FoldValues,
    of_style,
)
from models.stylenet import task as stylenet_task
from models.stylenet.spec import StyleNetSpec
from models.stylenet.task import StyleNetTask
from models.training.loop import LockstepTraining
from tests.models.toy_performances import (
    STYLES,
    Toy,
    by_next_pitch,
    performances_of,
    random_performances,
)

if TYPE_CHECKING:
    from models.stylenet.model import Carried

DATA = random_performances()


def task(data: Performances = DATA, **settings: Any) -> StyleNetTask:
    plain = {"size": 4, "batch_size": 3, "length": 10, "dropout": 0.0, "input_dropout": 0.0, "level_shrink": 0.0}
    spec = StyleNetSpec.model_validate({**plain, **settings})
    return StyleNetTask(spec, data, seed=3, trial=1, device="cpu")


def training(data: Performances = DATA, **settings: Any) -> LockstepTraining:
    spec = StyleNetSpec.model_validate({"size": 4, "batch_size": 4, "length": 10, "epochs": 2, **settings})
    made = family("stylenet").start(spec, data, seed=3, trial=1, device="cpu")
    assert isinstance(made, LockstepTraining)
    return made


def last(made: LockstepTraining) -> dict[str, FoldValues]:
    return dict(list(made.epochs())[-1].metrics)


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_styles_take_turns(truncation: str) -> None:
    made = task(truncation=truncation)
    for epoch in (1, 2, 3):
        styles = [style for style, _ in made.steps(epoch)]
        assert len(styles) == made.num_steps(epoch) == len(list(made.losses(epoch)))
        number = Counter(styles)
        if number[0] == number[1]:
            assert all(one != other for one, other in pairwise(styles))
        for at in range(len(styles)):  # neither style is ever more than a batch ahead of its share
            for style in (0, 1):
                assert abs(styles[: at + 1].count(style) - (at + 1) * number[style] / len(styles)) <= 1


def test_styles_with_equally_many_batches_alternate_strictly() -> None:
    notes = [(beat / 4, 0.25, 60 + beat % 5, 50 + beat) for beat in range(20)]
    data = performances_of([Toy(notes, fold, style) for fold in range(4) for style in (0, 1) for _ in range(2)])
    for truncation in ("chunk", "carry"):
        assert [style for style, _ in task(data, truncation=truncation).steps(1)] == [0, 1] * (
            task(data, truncation=truncation).num_steps(1) // 2
        )


@pytest.mark.parametrize("view", ["note", "grid"])
def test_windows_hold_a_styles_training_performances_alone(view: str) -> None:
    made = task(view=view)
    for style, step in made.steps(1):
        for fold in range(4):
            held = step.batch.length[fold] > 0
            pieces = step.batch.piece[fold][held]
            assert (DATA.style[pieces] == style).all()
            assert (DATA.fold[pieces] != fold).all()


def distance(kind: str, difference: float) -> float:
    """Give the loss of one value, in velocity / 127."""
    found, wanted = torch.tensor(difference, dtype=torch.float64), torch.zeros((), dtype=torch.float64)
    if kind == "huber":
        return float(nn.functional.smooth_l1_loss(found, wanted, beta=8 / 127))
    return float((nn.functional.l1_loss if kind == "l1" else nn.functional.mse_loss)(found, wanted))


def counted_cells(made: StyleNetTask, piece: int) -> dict[int, list[tuple[int, float]]]:
    """Give the outputs that count of each row of a piece, with their velocities / 127, cell by cell."""
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
    """Run one fold's model on some rows of one piece, [rows, O]."""
    index = np.broadcast_to(made.view.start[piece] + rows[:, None], (4, len(rows), 1))
    x = torch.tensor(made.view.inputs(index), dtype=made.model.mean.dtype)
    with torch.no_grad():
        output, _ = made.model(x, torch.full((4, 1), len(rows)), int(made.performances.style[piece]))
    return output[fold, :, 0].double().numpy()


def naive_loss(made: StyleNetTask, batch: Batch, fold: int) -> tuple[float, int]:
    """Sum a fold's loss over the windows of a batch, value by value."""
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
def test_a_loss_is_what_a_loop_over_its_values_finds(view: dict[str, Any], loss: str, level: str) -> None:
    made = task(loss=loss, level=level, batch_size=2, **view)
    made.model.double()
    for (style, step), found in list(zip(made.steps(1), made.losses(1), strict=True))[:2]:
        assert (made.performances.style[step.batch.piece][step.batch.length > 0] == style).all()
        for fold in range(4):
            total, count = naive_loss(made, step.batch, fold)
            assert int(found.count[fold]) == count > 0
            assert float(found.total[fold]) == pytest.approx(total, rel=1e-5)
            assert float(found.loss[fold].detach()) == pytest.approx(total / count, rel=1e-5)


def test_carried_windows_go_on_where_their_own_piece_had_come_to() -> None:
    made = task(truncation="carry", length=5, level="joint", batch_size=2, interpretation=3)
    made.model.double()
    states: dict[tuple[int, int, int], Carried | None] = {}
    num_carried = 0
    for (style, step), found in zip(made.steps(1), made.losses(1), strict=True):
        assert float(found.count.sum()) == step.batch.length.sum()
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
        assert found.total.numpy() == pytest.approx(expected, rel=1e-6)
    assert num_carried > 20


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_a_piece_is_transposed_alike_in_all_windows_that_carry_its_state(
    truncation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = task(truncation=truncation, augment=4, length=5, batch_size=2)
    seen: list[NDArray[np.float32]] = []

    def forward(x: Tensor, *given: Any) -> Any:
        seen.append(x.numpy())
        return whole(x, *given)

    whole = made.model.forward
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
def test_predictions_are_those_of_each_performance_run_alone(settings: dict[str, Any]) -> None:
    made = task(**settings)
    sounding = task(view="grid", loss_cells="masked_all")
    found = made.predict()
    assert (found.cell_error is None) == (made.spec.view == "note")
    for piece in range(DATA.num_pieces):
        rows = np.arange(int(made.view.start[piece + 1] - made.view.start[piece]))
        output = alone(made, piece, rows, int(DATA.fold[piece]))
        for note in range(int(DATA.start[piece]), int(DATA.start[piece + 1])):
            row, column = made.view.row[note] - made.view.start[piece], made.view.column[note]
            assert found.velocity[note] == pytest.approx(output[row, column] * 127, abs=1e-3)
        if found.cell_error is not None:
            played = np.zeros((len(rows), 88))
            for row, keys in counted_cells(sounding, piece).items():
                for key, velocity in keys:
                    played[row, key] = velocity
            assert found.cell_error[piece] == pytest.approx(np.mean((output - played) ** 2), rel=1e-4)


@pytest.mark.parametrize("settings", [{}, {"view": "grid"}, {"cell": "gru", "bi_merge": "top"}], ids=str)
def test_evaluation_does_not_depend_on_how_performances_are_packed(
    settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = task(**settings)
    together = made.evaluate(1)
    assert tuple(together) == made.metric_names
    monkeypatch.setattr(stylenet_task, "_SCORED_ROWS", 1)
    one_by_one = made.evaluate(1)
    for name, found in together.items():
        assert found.values == pytest.approx(one_by_one[name].values, rel=1e-4, abs=1e-5)


def test_a_performance_in_no_fold_is_neither_learnt_from_nor_predicted() -> None:
    sealed = replace(DATA, fold=np.where(np.arange(DATA.num_pieces) == 5, -1, DATA.fold).astype(np.int8))
    other = replace(sealed, velocity=np.where(sealed.piece_of_note == 5, 1, sealed.velocity).astype(np.int16))
    for view in ("note", "grid"):
        made = task(sealed, view=view)
        velocity = made.predict().velocity
        assert np.array_equal(np.isnan(velocity), sealed.piece_of_note == 5)
        assert all(found.is_finite for found in made.evaluate(1).values())
        one, two = (last(training(data, view=view, epochs=1)) for data in (sealed, other))
        assert one == two


@pytest.mark.parametrize("settings", [{}, {"view": "grid"}, {"truncation": "carry"}], ids=str)
def test_folds_do_not_see_the_velocities_they_hold_out(settings: dict[str, Any]) -> None:
    changed = DATA.fold[DATA.piece_of_note] == 2
    other = replace(DATA, velocity=np.where(changed, 128 - DATA.velocity, DATA.velocity).astype(np.int16))
    outcomes: list[tuple[dict[str, Any], FoldValues, NDArray[np.float64]]] = []
    for data in (DATA, other):
        made = training(data, augment=2, level_shrink=0.5, **settings)
        train_loss = last(made)[TRAIN_LOSS.name]
        trained = task(data, level_shrink=0.5, **settings)
        trained.model.load_state_dict(made.model.state_dict())
        outcomes.append((made.model.state_dict(), train_loss, trained.predict().velocity))
    (weights, loss, predicted), (other_weights, other_loss, other_predicted) = outcomes
    for name, value in weights.items():
        assert torch.equal(value[2], other_weights[name][2])
    assert any(not torch.equal(value[0], other_weights[name][0]) for name, value in weights.items())
    assert loss.values[2] == other_loss.values[2]
    assert np.array_equal(predicted[changed], other_predicted[changed])
    assert not np.array_equal(predicted[~changed], other_predicted[~changed])


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("view", [{"view": "note"}, {"view": "grid"}, {"view": "grid", "loss_cells": "all"}], ids=str)
def test_levels_are_drawn_to_the_styles_training_median(view: dict[str, Any], share: float) -> None:
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


def test_levels_and_scales_are_those_of_the_training_rows() -> None:
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


LEARNS: dict[str, Any] = {"epochs": 20, "size": 16, "length": 16, "lr": 0.03, "dropout": 0.0, "input_dropout": 0.0}


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_velocities_that_follow_the_pitch_are_learnt(truncation: str) -> None:
    reports = list(training(features="minimal", truncation=truncation, **LEARNS).epochs())
    first, final = reports[0].metrics, reports[-1].metrics
    assert final[TRAIN_LOSS.name].mean < 0.1 * first[TRAIN_LOSS.name].mean
    assert min(final[ONSET_CORRELATION.name].values) > 0.9
    assert max(final[ONSET_MAE.name].values) < 6.0


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_velocities_that_follow_the_next_pitch_are_learnt_by_looking_ahead(truncation: str) -> None:
    data = random_performances(rule=by_next_pitch, chords=0.0, size=(40, 60))
    # of other notes' pitches the minimal features say nothing: the backward layer alone has read the next one
    reports = list(training(data, features="minimal", truncation=truncation, **LEARNS).epochs())
    first, final = reports[0].metrics, reports[-1].metrics
    assert final[TRAIN_LOSS.name].mean < 0.3 * first[TRAIN_LOSS.name].mean
    assert min(final[ONSET_CORRELATION.name].values) > 0.6


def test_the_papers_presets_train() -> None:
    small = {"size": 8, "interpretation": 8, "epochs": 2, "lr": 1e-2}
    for name in ("s2", "s2-code"):
        spec = StyleNetSpec.from_values({**family("stylenet").presets[name].values, **small})
        reports = list(family("stylenet").start(spec, DATA, seed=0, trial=0, device="cpu").epochs())
        assert reports[-1].metrics[TRAIN_LOSS.name].mean < reports[0].metrics[TRAIN_LOSS.name].mean


def test_every_metric_is_told_of_each_style() -> None:
    found = task().evaluate(1)
    assert set(found) == {metric.name for metric in VELOCITY_METRICS} | {
        of_style(metric, style) for metric in VELOCITY_METRICS for style in STYLES
    }
    assert all(len(values.values) == 4 for values in found.values())
