"""Interactive pictures of a search, as figures of plotly, some of them by Optuna."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

import numpy as np
import optuna
import plotly.graph_objects

from models.metrics import Metric
from models.spec import Value
from search.plots.importances import Importance, at_epoch
from search.plots.study_copy import study_copy, value_of, varied
from search.spec.domains import Categorical, Range
from search.spec.space import Space
from search.study.records import TrialRecord
from search.study.report import Configuration, CostedTrial, configurations
from search.study.states import STATE_WORDS, StateName

_drawn: Any = optuna.visualization
_go: Any = plotly.graph_objects  # it is partly untyped
BEST, OTHER, STOPPED, FAILED = "#0072b2", "#009e73", "#999999", "#d55e00"  # Okabe and Ito: colour-blind safe
_STATE_COLOURS: Mapping[StateName, str] = {
    "COMPLETE": BEST,
    "PRUNED": STOPPED,
    "FAIL": FAILED,
    "WAITING": "#cc79a7",
    "RUNNING": "#e69f00",
}
_SHOWN = 5
"""Number of the best trials with curves of their own."""

MOST_LINES, _MOST_POINTS = 200, 500
"""Trials in pictures that would be unreadable and large with more."""

_DIGITS = 5

_MANY, _WORST = 20, 0.9
"""From this many values on, the axis leaves out those beyond this share at first."""


def history(trials: Sequence[TrialRecord], objective: Metric) -> Any:
    """Return the trials' last results by the time at which they ended, and the best full one so far."""
    figure = _go.Figure()
    start = _start(trials)
    states: tuple[StateName, ...] = ("PRUNED", "COMPLETE")
    for state in states:
        shown = [trial for trial in trials if trial.state == state and trial.epochs and trial.confirms is None]
        figure.add_scatter(
            x=[round(_minutes(trial.epochs[-1].at / 1000 - start), 3) for trial in shown],
            y=[_last(trial, objective) for trial in shown],
            text=[f"#{trial.number}" for trial in shown],
            name=STATE_WORDS[state],
            mode="markers",
            marker={"color": _STATE_COLOURS[state], "size": 6 if state == "PRUNED" else 8},
        )
    best = best_so_far(trials, objective)
    figure.add_scatter(
        x=[minutes for minutes, _ in best],
        y=[value for _, value in best],
        name="best so far",
        mode="lines",
        line={"shape": "hv", "color": BEST},
    )
    _zoom(figure, [value for trace in figure.data[:2] for value in trace.y], objective)
    return with_axes(figure, "minutes since the first trial", axis_title(objective))


def best_so_far(trials: Sequence[TrialRecord], objective: Metric) -> list[tuple[float, float]]:
    """Return when each full trial ended (minutes since the first trial), and the best score until then."""
    start = _start(trials)
    full = sorted(
        ((trial.epochs[-1].at / 1000 - start, _last(trial, objective)) for trial in _full(trials)),
        key=lambda pair: pair[0],
    )
    scores = accumulate((value for _, value in full), min if objective.direction == "minimise" else max)
    return [(round(_minutes(at), 3), score) for (at, _), score in zip(full, scores, strict=True)]


def parallel_coordinates(trials: Sequence[TrialRecord], space: Space, objective: Metric) -> Any:
    """Return the settings of the best full trials, one line for each; Optuna's picture has no axes to choose by."""
    best = sorted(_full(trials), key=lambda trial: objective.cost(_last(trial, objective)))[:MOST_LINES]
    scores = [_last(trial, objective) for trial in best]
    axes = [_axis(name, [value_of(trial, name, space) for trial in best], space) for name in varied(best, space)]
    colours = {"colorscale": "Blues", "reversescale": objective.direction == "minimise", "showscale": True}
    return _go.Figure(
        _go.Parcoords(
            line={"color": scores, **colours},
            dimensions=[{"label": objective.unit, "values": scores}, *axes],
            labelangle=-20,
        )
    )


def _axis(name: str, values: Sequence[Value], space: Space) -> dict[str, Any]:
    """Return an axis of parallel coordinates."""
    domain = space.domains[name]
    if isinstance(domain, Categorical):
        choices = list(dict.fromkeys((*domain.values, *values)))
        places = {"tickvals": list(range(len(choices))), "ticktext": [str(choice) for choice in choices]}
        return {"label": name, "values": [choices.index(value) for value in values], **places}
    assert isinstance(domain, Range)
    numbers = [float(value) for value in values]
    if not domain.log or min(numbers) <= 0:
        return {"label": name, "values": [float(f"{number:.5g}") for number in numbers]}
    ticks = np.geomspace(min(numbers), max(numbers), 4)
    shown = {"tickvals": np.log10(ticks).round(4).tolist(), "ticktext": [f"{tick:.3g}" for tick in ticks]}
    return {"label": name, "values": np.log10(numbers).round(4).tolist(), **shown}


def slices(trials: Sequence[TrialRecord], space: Space, objective: Metric, epoch: int, names: Sequence[str]) -> Any:
    """Return the objective after an epoch by each of some settings, of at most 500 trials (Optuna's picture)."""
    scored = at_epoch(trials, objective, epoch)
    study = study_copy(scored[:: math.ceil(len(scored) / _MOST_POINTS) or 1], space, objective)
    return _drawn.plot_slice(study, params=list(names), target_name=objective.unit, target=_value)


def importance_bars(shares: Sequence[Importance], directions: Mapping[str, str]) -> Any:
    """Return the importances with what is better of each setting."""
    shown = list(reversed(shares))
    figure = _go.Figure(
        _go.Bar(
            x=[round(each.share, 4) for each in shown],
            y=[each.setting for each in shown],
            text=[directions.get(each.setting, "") for each in shown],
            orientation="h",
            marker={"color": BEST},
        )
    )
    figure.update_layout(height=60 + 24 * len(shown))
    return with_axes(figure, "share of the variance of the ranks", "")


def curves(trials: Sequence[TrialRecord], objective: Metric, train: str | None) -> Any:
    """Return the learning curves: all trials thin, the best with the range of its folds and its training loss."""
    figure = _go.Figure()
    best = {each.trial.number for each in configurations(trials, objective)[:_SHOWN]}
    x: list[int | None] = []
    y: list[float | None] = []
    for trial in trials:
        if trial.number not in best:
            x += [*(epoch.report.epoch for epoch in trial.epochs), None]
            y += [*(_mean(epoch, objective.name) for epoch in trial.epochs), None]
    figure.add_scatter(x=x, y=y, name="other trials", mode="lines+markers", line={"color": STOPPED, "width": 1})
    figure.update_traces(marker={"size": 3}, opacity=0.5)
    palette = (BEST, FAILED, OTHER, "#cc79a7", "#e69f00")
    ranked = [each.trial for each in configurations(trials, objective)[:_SHOWN]]
    for rank, (trial, colour) in enumerate(zip(ranked, palette, strict=False)):
        _add_curve(figure, trial, objective, None if rank else train, colour, with_folds=rank == 0)
    _zoom(figure, [value for value in y if value is not None], objective)
    return with_axes(figure, "epoch", axis_title(objective))


def _add_curve(
    figure: Any, trial: TrialRecord, objective: Metric, train: str | None, colour: str, *, with_folds: bool
) -> None:
    name = f"#{trial.number}"
    epochs = [epoch.report.epoch for epoch in trial.epochs]
    figure.add_scatter(
        x=epochs,
        y=[_mean(epoch, objective.name) for epoch in trial.epochs],
        name=name,
        legendgroup=name,
        mode="lines+markers",
        line={"color": colour, "width": 2},
    )
    of_all = trial.epochs_of_all
    bounds = [epoch.report.metrics[objective.name].values for epoch in of_all]
    if with_folds and bounds and len(bounds[0]) > 1:
        there, back = [epoch.report.epoch for epoch in of_all], [max(values) for values in bounds]
        figure.add_scatter(
            x=[*there, *reversed(there)],
            y=[*(round(value, _DIGITS) for value in back), *(round(min(v), _DIGITS) for v in reversed(bounds))],
            name=f"{name}, folds",
            legendgroup=name,
            showlegend=False,
            fill="toself",
            fillcolor=colour,
            opacity=0.2,
            line={"width": 0},
            hoverinfo="skip",
        )
    if train is not None and all(train in epoch.report.metrics for epoch in trial.epochs):
        figure.add_scatter(
            x=epochs,
            y=[_mean(epoch, train) for epoch in trial.epochs],
            name=f"{name}, training loss",
            legendgroup=name,
            mode="lines",
            line={"color": colour, "dash": "dot", "width": 1},
            visible="legendonly",
        )


def rungs(trials: Sequence[TrialRecord], objective: Metric, epochs: Sequence[int], budget: int) -> Any:
    """Return the objective at each rung of the trials that continued and of those that stopped there."""
    figure = _go.Figure()
    for state, continued in (("continued", True), ("stopped there", False)):
        x: list[str] = []
        y: list[float] = []
        for rung in epochs:
            for trial, value in at_epoch(trials, objective, rung):
                last = len(trial.epochs)
                if trial.is_final and trial.confirms is None and last >= rung and (last > rung) == continued:
                    x.append(f"epoch {rung} of {budget}")
                    y.append(round(value, _DIGITS))
        colour = BEST if continued else STOPPED
        figure.add_box(x=x, y=y, name=state, marker={"color": colour, "size": 3}, boxpoints="all", jitter=0.5)
    figure.update_layout(boxmode="group")
    return with_axes(figure, "", axis_title(objective))


def seeds(found: Sequence[Configuration], objective: Metric) -> Any:
    """Return the results of each seed of the best configurations; None if none was repeated."""
    repeated = [each for each in found if each.repeats]
    if not repeated:
        return None
    figure = _go.Figure()
    for name, colour in (("first", BEST), ("repeats", FAILED)):
        pairs = [
            (f"#{each.trial.number}", score)
            for each in repeated
            for score in ([each.trial.last(objective.name)] if name == "first" else each.repeats)
            if score is not None
        ]
        figure.add_scatter(
            x=[number for number, _ in pairs],
            y=[round(score.mean, _DIGITS) for _, score in pairs],
            error_y={"array": [_finite(score.standard_error) for _, score in pairs], "thickness": 1},
            name=name,
            mode="markers",
            marker={"color": colour, "size": 9},
        )
    return with_axes(figure, "trial", axis_title(objective))


def front(trials: Sequence[CostedTrial], objective: Metric, cost: str) -> Any:
    """Return quality against cost with the Pareto front."""
    figure = _go.Figure()
    for name, on_front, colour in (("trials", False, STOPPED), ("front", True, BEST)):
        shown = [trial for trial in trials if trial.on_front == on_front]
        figure.add_scatter(
            x=[each.cost for each in shown],
            y=[round(each.score.mean, _DIGITS) for each in shown],
            text=[f"#{each.number}" for each in shown],
            error_y={"array": [_finite(each.score.standard_error) for each in shown], "thickness": 1},
            name=name,
            mode="lines+markers" if on_front else "markers",
            line={"shape": "hv"},
            marker={"color": colour, "size": 8},
        )
    return with_axes(figure, cost, axis_title(objective))


def timeline(trials: Sequence[TrialRecord]) -> tuple[Any, float]:
    """Return when each slot trained which trial, and the share of time in which slots trained."""
    start = _start(trials)
    spans = [
        (epochs[0].at / 1000 - epochs[0].report.seconds - start, epochs[-1].at / 1000 - start, trial)
        for trial in trials
        if (epochs := trial.epochs)
    ]
    spans.sort(key=itemgetter(0, 1))
    free: list[float] = []
    slots: list[int] = []
    for begin, end, _ in spans:
        slot = next((index for index, until in enumerate(free) if until <= begin + 0.5), len(free))
        free[slot : slot + 1] = [end]
        slots.append(slot)
    figure = _go.Figure()
    for state, colour in _STATE_COLOURS.items():
        chosen = [(slot, span) for slot, span in zip(slots, spans, strict=True) if span[2].state == state]
        if chosen:
            figure.add_bar(
                base=[round(_minutes(begin), 3) for _, (begin, _, _) in chosen],
                x=[round(_minutes(end - begin), 3) for _, (begin, end, _) in chosen],
                y=[slot + 1 for slot, _ in chosen],
                hovertext=[f"#{trial.number}" for _, (_, _, trial) in chosen],
                name=STATE_WORDS[state],
                orientation="h",
                marker={"color": colour, "line": {"width": 0.5}},
            )
    figure.update_layout(barmode="overlay", height=120 + 26 * min(len(free), 64), yaxis={"dtick": 1})
    busy = sum(trial.seconds for trial in trials)
    share = busy / (max(free) * len(free)) if free else math.nan
    return with_axes(figure, "minutes since the first trial", "slot"), min(share, 1.0)


def _zoom(figure: Any, values: Sequence[float], objective: Metric) -> None:
    """Leave out the worst tenth of the values at first; a double click shows them."""
    finite = sorted(filter(math.isfinite, values), key=objective.cost)
    if len(finite) >= _MANY:
        best, worst = finite[0], finite[int(_WORST * len(finite))]
        margin = 0.08 * (worst - best)
        figure.update_yaxes(range=sorted((best - margin, worst + margin)))


def _full(trials: Sequence[TrialRecord]) -> list[TrialRecord]:
    return [trial for trial in trials if trial.state == "COMPLETE" and trial.confirms is None and trial.epochs]


def _start(trials: Sequence[TrialRecord]) -> float:
    """Return when the first epoch of any trial began (seconds since 1970)."""
    return min(
        (trial.epochs[0].at / 1000 - trial.epochs[0].report.seconds for trial in trials if trial.epochs), default=0.0
    )


def _last(trial: TrialRecord, objective: Metric) -> float:
    return _mean(trial.epochs[-1], objective.name)


def _mean(epoch: Any, metric: str) -> float:
    return round(epoch.report.metrics[metric].mean, _DIGITS)


def _value(trial: optuna.trial.FrozenTrial) -> float:
    assert trial.value is not None
    return round(trial.value, _DIGITS)


def _finite(value: float) -> float:
    return round(value, _DIGITS) if math.isfinite(value) else 0.0


def _minutes(seconds: float) -> float:
    return seconds / 60


def axis_title(objective: Metric) -> str:
    """Return the title of an axis with the objective."""
    return f"{objective.name.replace('_', ' ')} [{objective.unit}]"


def with_axes(figure: Any, x: str, y: str) -> Any:
    """Set the titles of a figure's axes, and return it."""
    figure.update_xaxes(title=x)
    figure.update_yaxes(title=y)
    return figure
