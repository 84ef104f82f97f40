"""What a report says about several searches of one family: their winners side by side."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.families import family as find_family
from models.metrics import Metric
from search.plots.comparison import progress
from search.study.records import SearchRecord
from search.study.report import Configuration, configurations, counts, improvement
from tunesmith.figures import duration, interval, setting_text, with_error
from tunesmith.reports.page.content import Chart


@dataclass(frozen=True)
class Comparison:
    """Several searches of one family.

    Attributes:
        remark: Whether their scores can be compared.
        columns: Titles of the table of searches.
        rows: Its rows, the best search first if they can be compared.
        winners: Titles of the table of settings: the searches' names.
        settings: The settings in which their winners differ, each with the winners' values.
        charts: The figures.
    """

    remark: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    winners: Sequence[str]
    settings: Sequence[tuple[str, Sequence[str]]]
    charts: Sequence[Chart]


def comparisons(records: Sequence[SearchRecord]) -> list[Comparison]:
    """Compare the searches of each family that has several; records of a family keep their order."""
    families = dict.fromkeys(record.spec.family for record in records)
    groups = [[record for record in records if record.spec.family == name] for name in families]
    return [_compare(group) for group in groups if len(group) > 1]


def _compare(records: Sequence[SearchRecord]) -> Comparison:
    objective = find_family(records[0].spec.family).metrics[0]
    found = {record.spec.name: configurations(record.trials, objective) for record in records}
    best = {name: each[0] for name, each in found.items() if each}
    is_same = len({record.fingerprint for record in records}) == 1
    if is_same:
        records = sorted(records, key=lambda record: _rank(best.get(record.spec.name), objective))
    charts = [
        Chart("Progress", "The best full trial so far.", progress({r.spec.name: r.trials for r in records}, objective))
    ]
    return Comparison(
        _remark(records, is_same=is_same),
        ["search", objective.unit, *(["worse than the best by"] if is_same else []), "trials", "full", "time"],
        [_row(record, best, objective, is_same=is_same) for record in records],
        list(best),
        _differing(best),
        charts if is_same and best else [],
    )


def _remark(records: Sequence[SearchRecord], *, is_same: bool) -> str:
    if is_same:
        return "The same folds of the same data; differences are paired, fold by fold."
    if len({record.spec.data.model_copy(update={"seed": 0}).model_dump_json() for record in records}) == 1:
        return "Different folds of the same data; a difference below the standard errors may be noise."
    return "Different data: the scores cannot be compared."


def _rank(winner: Configuration | None, objective: Metric) -> float:
    return float("inf") if winner is None else objective.cost(winner.score.mean)


def _row(record: SearchRecord, best: dict[str, Configuration], objective: Metric, *, is_same: bool) -> list[str]:
    winner = best.get(record.spec.name)
    champion = min(best.values(), key=lambda each: _rank(each, objective), default=None)
    gap = ""
    if winner is not None and champion is not None and winner is not champion:
        worse = improvement(champion.score, winner.score, objective)
        gap = interval(worse.mean, worse.standard_error)
    return [
        record.spec.name,
        "no full trial" if winner is None else with_error(winner.score),
        *([gap] if is_same else []),
        str(len(record.trials)),
        str(counts(record.trials).get("COMPLETE", 0)),
        duration(record.seconds),
    ]


def _differing(best: dict[str, Configuration]) -> list[tuple[str, list[str]]]:
    names = dict.fromkeys(name for winner in best.values() for name in winner.trial.values)
    values = {
        name: [
            setting_text(winner.trial.values[name]) if name in winner.trial.values else "" for winner in best.values()
        ]
        for name in names
    }
    return [(name, texts) for name, texts in values.items() if len(set(texts)) > 1]
