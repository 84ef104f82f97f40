"""The page of an experiment, as Markdown: the paper's values, ours, and verdicts."""

import math
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from data_prep.wording import by_number, counted
from models.metrics import Metric
from search.spec.sections import Data
from tunesmith.figures import decimals, duration, with_error
from tunesmith.reproducing.difference import Difference
from tunesmith.reproducing.outcome import ClaimOutcome, Outcome, RowOutcome

_DASH = "-"
_MOST_DECIMALS = 8


def page(outcome: Outcome, corpus: str, pictures: Mapping[str, str], extra: Sequence[str] = ()) -> str:
    """Return the page.

    Args:
        outcome: The outcome.
        corpus: The corpus in words ("1,059 tunes of ryans, as played").
        pictures: Captions by the name of the picture's file, in order.
        extra: Further Markdown lines before the pictures' section.

    Returns:
        The Markdown text.
    """
    return "\n".join([*_lines(outcome, corpus, pictures, extra), ""])


def _lines(outcome: Outcome, corpus: str, pictures: Mapping[str, str], extra: Sequence[str]) -> Iterator[str]:
    experiment = outcome.experiment
    yield from (f"# {experiment.name}: {experiment.title}", "", f"{experiment.source}.", "")
    yield from (_run(outcome, corpus), "")
    if experiment.remark:
        yield from (experiment.remark, "")
    yield from (f"**{summary(outcome)}**", "")
    yield from _table(outcome)
    if experiment.claims:
        yield from ("", "## What the paper says", "")
        yield from _claims(outcome.claims())
    yield from extra
    for name, caption in pictures.items():
        yield from ("", f"![{caption}]({name})")
    yield from (
        "",
        "Repeat it with:",
        "",
        "```sh",
        shlex.join(("tunesmith", "reproduce", experiment.name, *_options(outcome))),
        "```",
    )


def _options(outcome: Outcome) -> list[str]:
    spec, experiment = outcome.record.spec, outcome.experiment
    seeds = max(spec.budget.trials // len(experiment.rows), _num_seeds(outcome))
    options = ["--corpus", spec.data.corpus] if spec.data.corpus != experiment.default_corpus else []
    options += ["--repeats", spec.data.repeats] if spec.data.repeats != experiment.repeats else []
    options += ["--folds", str(spec.data.folds)] if spec.data.folds != Data().folds else []
    options += ["--epochs", str(spec.budget.epochs)] if spec.budget.epochs != experiment.epochs else []
    return [*options, "--seeds", str(seeds)] if seeds > 1 else options


def _num_seeds(outcome: Outcome) -> int:
    """Return the number of finished trials of a row, the greatest of all rows."""
    return max(len(row.trials) for row in outcome.rows)


def _run(outcome: Outcome, corpus: str) -> str:
    spec, experiment = outcome.record.spec, outcome.experiment
    seeds = _num_seeds(outcome)
    text = (
        f"Trained on {corpus}, with {spec.data.folds_title}, {counted(seeds, 'seed')} and "
        f"{counted(spec.budget.epochs, 'epoch')}; {duration(sum(trial.seconds for trial in outcome.record.trials))} of "
        "training in all."
    )
    if spec.budget.epochs != experiment.epochs:
        text += f" The paper's setting is {counted(experiment.epochs, 'epoch')}."
    if outcome.comparable:
        return f"{text} The corpus has the size of the paper's, {experiment.corpus.name}: values are compared."
    return (
        f"{text} The paper's numbers are of another corpus, {experiment.corpus.name}, and cannot be compared with "
        "these values. Instead, differences between rows are compared."
    )


def summary(outcome: Outcome) -> str:
    """Return the verdicts in one or two sentences."""
    values = Counter(outcome.verdict(row) for row in outcome.rows)
    claims = Counter(tested.verdict for tested in outcome.claims())
    parts: list[str] = []
    if values["agrees"] + values["differs"] + values["undecided"]:
        what = "values (within two standard errors)" if outcome.comparable else "differences from the base (their sign)"
        undecided = f", {values['undecided']} undecided" if values["undecided"] else ""
        agree, differ = values["agrees"], values["differs"]
        agreeing = f"{agree} {by_number(agree, 'agrees', 'agree')} with the paper"
        parts.append(f"{what}: {agreeing}, {differ} {by_number(differ, 'differs', 'differ')}{undecided}")
    if claims["holds"] + claims["does not hold"] + claims["undecided"]:
        epochs, published = outcome.record.spec.budget.epochs, outcome.experiment.epochs
        trained = f", after {epochs} of its {counted(published, 'epoch')}" if epochs < published else ""
        parts.append(
            f"the paper's statements{trained}: {claims['holds']} {by_number(claims['holds'], 'holds', 'hold')}, "
            f"{claims['does not hold']} {by_number(claims['does not hold'], 'does', 'do')} not, "
            f"{claims['undecided']} undecided"
        )
    tau = outcome.rank_correlation()
    if tau is not None:
        parts.append(f"order of the rows: Kendall's tau with the paper's is {tau:.2f}")
    return ". ".join(f"{part[0].upper()}{part[1:]}" for part in parts) + "." if parts else "No results yet."


def table(outcome: Outcome, *, brief: bool = False) -> tuple[list[str], list[list[str]]]:
    """Return the titles and the cells of the table of rows.

    Args:
        outcome: The outcome.
        brief: Whether to leave out the experiment's further metrics, for a terminal.

    Returns:
        The titles, and the cells of each row.
    """
    metric, others = outcome.experiment.metric, () if brief else outcome.experiment.also
    published = any(row.row.published is not None for row in outcome.rows)
    numbered = any(row.row.number for row in outcome.rows)
    titles = [*(["row"] if numbered else []), "setting", *(["paper"] if published else []), f"here: {metric.name}"]
    titles += ["minus base, 95 %", *(["paper's"] if published else []), *(other.name for other in others)]
    titles += [] if brief else ["time of a trial"]
    titles += ["verdict"] if published else []
    cells = [
        [
            *([row.row.number] if numbered else []),
            row.row.name,
            *([_number(row.row.published)] if published else []),
            _value(row, metric),
            _difference(outcome.difference(row, metric)),
            *([_number(outcome.published_difference(row.row), signed=True)] if published else []),
            *(_value(row, other) for other in others),
            *([] if brief else [_DASH if row.seconds is None else duration(row.seconds)]),
            *([_verdict(outcome, row)] if published else []),
        ]
        for row in outcome.rows
    ]
    return titles, cells


def _table(outcome: Outcome) -> Iterator[str]:
    titles, cells = table(outcome)
    yield _row(titles)
    yield _row(["---"] * len(titles))
    yield from map(_row, cells)
    yield ""
    yield (
        "± is the standard error over the folds. Differences are paired, fold by fold; an interval "
        "that contains zero decides nothing."
    )


def _claims(claims: Sequence[ClaimOutcome]) -> Iterator[str]:
    yield _row(["the paper", "better", "worse", "difference, 95 %", "verdict"])
    yield _row(["---"] * 5)
    for tested in claims:
        names = [row.name if row else _DASH for row in (tested.better, tested.worse)]
        metric = f" ({tested.claim.metric.name})" if tested.claim.metric else ""
        yield _row([f"{tested.claim.text}{metric}", *names, _difference(tested.difference), tested.verdict])


def _verdict(outcome: Outcome, row: RowOutcome) -> str:
    verdict = outcome.verdict(row)
    failed = f"; {counted(row.num_failed, 'trial')} failed" if row.num_failed else ""
    if row.row.name == outcome.experiment.base and not outcome.comparable:
        return f"base{failed}"
    return f"{_DASH if verdict == 'unknown' else verdict}{failed}"


def _value(row: RowOutcome, metric: Metric) -> str:
    values = row.values(metric)
    return _DASH if values is None else with_error(values)


def _number(value: float | None, *, signed: bool = False) -> str:
    return _DASH if value is None else f"{value:{'+' if signed else ''}.{decimals(value)}f}"


def _difference(difference: Difference | None) -> str:
    if difference is None:
        return _DASH
    half = difference.high - difference.mean
    digits = min(_MOST_DECIMALS, decimals(half if math.isfinite(half) else difference.mean))
    mean, low, high = (f"{value:+.{digits}f}" for value in (difference.mean, difference.low, difference.high))
    return f"{mean} [{low}, {high}]"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"
