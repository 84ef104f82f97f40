"""The outcome of an experiment as JSON."""

from dataclasses import asdict
from typing import Any

from tunesmith.reproducing.outcome import Outcome, RowOutcome


def as_data(outcome: Outcome) -> dict[str, Any]:
    """Return the outcome as plain values."""
    return {
        "experiment": outcome.experiment.name,
        "search": outcome.record.spec.name,
        "comparable": outcome.comparable,
        "rows": [_row(outcome, row) for row in outcome.rows],
        "claims": [
            {
                "claim": tested.claim.text,
                "metric": (tested.claim.metric or outcome.experiment.metric).name,
                "better": tested.better and tested.better.name,
                "worse": tested.worse and tested.worse.name,
                "difference": tested.difference and asdict(tested.difference),
                "verdict": tested.verdict,
            }
            for tested in outcome.claims()
        ],
    }


def _row(outcome: Outcome, row: RowOutcome) -> dict[str, Any]:
    experiment = outcome.experiment
    metrics = {metric.name: row.values(metric) for metric in (experiment.metric, *experiment.also)}
    difference = outcome.difference(row, experiment.metric)
    return {
        "row": row.row.name,
        "number": row.row.number,
        "published": row.row.published,
        "metrics": {name: values and values.summary() for name, values in metrics.items()},
        "difference": difference and asdict(difference),
        "trials": [trial.number for trial in row.trials],
        "failed": row.num_failed,
        "seconds": row.seconds,
        "verdict": outcome.verdict(row),
    }
