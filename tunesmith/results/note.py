"""The result of a search as Markdown, the description of its run in MLflow."""

from collections.abc import Sequence
from typing import Any

from models.family import Baseline, Family
from search.spec.file import SearchSpec
from search.study.report import Configuration, configurations, improvement
from search.tracking.notes import winner_note
from tunesmith.figures import interval, with_error
from tunesmith.reports.findings import Outcome, findings
from tunesmith.reports.next_commands import next_commands


def result_note(
    spec: SearchSpec, family: Family[Any, Any], outcome: Outcome, baselines: Sequence[Baseline]
) -> str | None:
    """Return the winner, the findings, the baselines and commands to run next; None without a full trial."""
    objective = family.metrics[0]
    found = configurations(outcome.trials, objective)
    score = found[0].trial.last(objective.name) if found else None
    if score is None:
        return None
    lines = [finding.sentence for finding in findings(found, spec, family, outcome, baselines)]
    lines = lines if found[0].repeats else lines[1:]  # without repeats, the first says what the note begins with
    commands = [f"- {meaning}: `{line}`" for line, meaning in next_commands(spec, family, found[0])]
    parts = (
        winner_note(f"{spec.name}/{found[0].trial.number}", score, objective),
        "\n".join(f"- {line}" for line in lines),
        "\n".join(_baselines(found[0], family, baselines)),
        "\n".join(["Next:", "", *commands]),
    )
    return "\n\n".join(part for part in parts if part)


def _baselines(winner: Configuration, family: Family[Any, Any], baselines: Sequence[Baseline]) -> list[str]:
    if not baselines:
        return []
    objective, score = family.metrics[0], winner.score
    gains = [improvement(score, each.score, objective) for each in baselines]
    return [
        f"| on the same folds | {objective.unit} | the winner is better by |",
        "|---|---|---|",
        *(
            f"| {each.name} | {with_error(each.score)} | {interval(gain.mean, gain.standard_error)} |"
            for each, gain in zip(baselines, gains, strict=True)
        ),
        f"| #{winner.trial.number}, the winner | {with_error(score)} | |",
    ]
