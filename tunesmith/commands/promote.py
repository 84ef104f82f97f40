"""``tunesmith promote``: register a model with the settings of a search's best trial."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.wording import counted
from tunesmith.completion import search_names
from tunesmith.console import new_table, out, print_json
from tunesmith.figures import decimals, interval, with_error
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Home
from tunesmith.program import command

if TYPE_CHECKING:
    from search.promotion.evidence import Evidence
    from search.promotion.promote import PromotionPlan, PromotionResult
    from search.promotion.rule import Candidate
    from search.spec.file import AnyFamily
    from search.study.records import SearchRecord

_SHOWN = 8


def promote(
    name: Annotated[str, typer.Argument(help="A search's name.", metavar="NAME", autocompletion=search_names)],
    trial: Annotated[
        int | None,
        typer.Option(help="The trial to promote.", show_default="chosen by the rule", min=0, metavar="NUMBER"),
    ] = None,
    networks: Annotated[
        int, typer.Option(help="Number of networks to train; the model predicts their mean.", min=1, max=16)
    ] = 3,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be promoted; do not train, test or register anything.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Make it the champion regardless of the comparison; requires --reason.")
    ] = False,
    reason: Annotated[str, typer.Option(help="The reason for --force, which is stored with the version.")] = "",
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Promote a search's best trial: refit it on all folds, test it once on the sealed test set, and register it.

    By default, this promotes the smallest trial whose score is within one
    standard error of the best (the one-standard-error rule). The model is an
    ensemble of --networks networks that differ only in their random seed; its
    score is never worse than the mean of its members' scores, and 0.017 nats
    per note better on O'Neill's. Each network is trained on all pieces except
    the sealed test set, up to the median of the folds' best epochs.

    The model becomes the champion if there is none, if the 95 % interval of its
    gain over the champion on the test set is above 0, or with --force.

    Examples:
        tunesmith promote composer --dry-run

        tunesmith promote composer

        tunesmith promote composer --trial 7 --force --reason "fewer repeated notes"
    """
    from search.promotion.rule import check_force
    from tunesmith.running.promotion import planned_promotion

    check_force(force=force, reason=reason)
    with planned_promotion(home_folder(home), name, trial, networks) as planned:
        record, family, choice = planned.record, planned.family, planned.plan
        if dry_run:
            print_json(_choice_data(record, choice)) if as_json else _print_plan(record, family, choice)
            return
        if not as_json:
            _print_candidates(record, family, choice)
        outcome = planned.run(force=force, reason=reason)
    print_json(_outcome_data(outcome)) if as_json else _print_outcome(outcome)


def _print_candidates(record: "SearchRecord", family: "AnyFamily", choice: "PromotionPlan") -> None:
    objective = family.metrics[0]
    table = new_table("trial", objective.name.replace("_", " "), "worse than the best by", "parameters", "")
    for candidate in _shown(choice):
        score, loss = candidate.score, candidate.loss
        mark = "chosen" if candidate.number == choice.chosen.number else "ties" if candidate.ties else ""
        table.add_row(
            f"{record.spec.name}/{candidate.number}",
            interval(score.mean, score.standard_error),
            interval(loss.mean, loss.standard_error) if candidate is not choice.candidates[0] else "",
            "" if candidate.size is None else f"{candidate.size:,}",
            mark,
            style="bold green" if candidate.number == choice.chosen.number else None,
        )
    out.print(f"[bold]{record.spec.name}[/]: {how_many_tie(choice.candidates)}")
    out.print(table)
    rule = "the smallest of those within one standard error of the best, fold by fold"
    if record.spec.data.is_holdout:
        rule = "the best; a single split has no standard error within which others could tie"
    why = "the requested trial" if choice.asked else rule
    out.print(f"[dim]{record.spec.name}/{choice.chosen.number} is {why}[/]")


def how_many_tie(candidates: "list[Candidate]") -> str:
    """Return the number of trials with a full budget, and of those that tie with the best, as text."""
    tied = sum(candidate.ties for candidate in candidates)
    full = f"{counted(len(candidates), 'trial')} with a full budget"
    if len(candidates) == 1:
        return full
    return f"{full}, {tied} of them tie" if tied > 1 else f"{full}, none ties with the best"


def _shown(choice: "PromotionPlan") -> "list[Candidate]":
    first = choice.candidates[:_SHOWN]
    return first if choice.chosen in first else [*first, choice.chosen]


def _print_plan(record: "SearchRecord", family: "AnyFamily", choice: "PromotionPlan") -> None:
    _print_candidates(record, family, choice)
    epochs = counted(record.spec.budget.epochs, "epoch")
    out.print(
        f"\nwould train {counted(choice.networks, 'network')} on all open pieces for {choice.epochs} of {epochs}, test "
        "the model once on the sealed test set, register it, and compare it with the champion; nothing was done",
        soft_wrap=True,
    )


def _print_outcome(outcome: "PromotionResult") -> None:
    evidence = outcome.evidence
    speed = counted(evidence.test.notes_per_second, "note", ",.0f")
    out.print()
    if evidence.loses_to:
        out.print(f"[bold red]{evidence.name} {escape(evidence.loses_to)}[/]", soft_wrap=True)
    out.print(
        f"[bold]{evidence.name}[/], {counted(evidence.test.networks, 'network')} trained on all open pieces for "
        f"{counted(evidence.epochs, 'epoch')}: {counted(evidence.parameters, 'parameter', ',')}, "
        f"{evidence.size_bytes / 1e6:.2f} MB, scores {speed} per second"
    )
    _print_scores(evidence)
    when = "now, for the only time" if outcome.test_is_new else f"on {evidence.test.at[:10]}; this is its stored result"
    out.print(f"[dim]the sealed test was run {when}[/]")
    _print_optimism(evidence)
    _print_comparison(outcome)


def _print_scores(evidence: "Evidence") -> None:
    scores, unit = evidence.test.scores, evidence.objective.unit
    table = new_table()
    table.add_column("")
    table.add_column(unit)
    table.add_row(evidence.validation_and_folds, with_error(evidence.folds))
    table.add_row(
        f"sealed test, {counted(len(scores.values), 'piece')}",
        interval(scores.mean, scores.standard_error),
        style="bold green",
    )
    for name, value in evidence.test.baselines.items():
        table.add_row(f"{name}, on the same test", interval(value, float("nan")))
    out.print(table)


def _print_optimism(evidence: "Evidence") -> None:
    digits = decimals(evidence.folds.mean)
    direction = "worse" if evidence.optimism > 0 else "better"
    trials, bias = counted(evidence.num_candidates, "trial"), f"{evidence.bias:.{digits}f}"
    choosing = f"; choosing among {trials} is estimated to make it {bias} too optimistic"
    out.print(
        f"the test is {abs(evidence.optimism):.{digits}f} {direction} than in {evidence.validation}"
        f"{choosing if evidence.num_candidates > 1 else ''}"
    )


def _print_comparison(outcome: "PromotionResult") -> None:
    from search.promotion.rule import Comparison

    evidence, version = outcome.evidence, outcome.version
    champion, comparison = evidence.champion, evidence.comparison
    reference = f"{evidence.family}@{version.version}"
    if champion is not None and champion.version == version.version:
        out.print(f"\n[bold]{reference} is already the champion[/]: {evidence.name} was promoted before")
        return
    if champion is not None and isinstance(comparison, Comparison):
        digits = decimals(evidence.folds.mean)
        out.print(
            f"against the champion {evidence.family}@{champion.version} ({champion.trial}) on the same pieces: better "
            f"by {comparison.gain:.{digits}f}, 95 % interval {comparison.low:.{digits}f} to "
            f"{comparison.high:.{digits}f}"
        )
    made = "registered" if outcome.is_new else "registered before"
    out.print()
    result = (
        "[bold green]{} is the champion[/]" if evidence.decision.moves else "[bold yellow]{} is not the champion[/]"
    )
    out.print(f"{result.format(reference)} ({made}): {escape(evidence.decision.why)}")
    _print_next(evidence.family, reference)


def _print_next(family: str, reference: str) -> None:
    from models.families import family as find_family
    from tunesmith.names.use import use_command
    from tunesmith.reports.next_commands import print_next

    use = use_command(find_family(family), "--model", reference)
    print_next(
        [
            *([(use, "make music with it")] if use else []),
            (command("models", reference), "show its card and its origin"),
            (command("export", reference, "--out", "model/"), "export it for use without tunesmith"),
            (command("models"), "list all registered models"),
        ]
    )


def _choice_data(record: "SearchRecord", choice: "PromotionPlan") -> dict[str, Any]:
    return {
        "search": record.spec.name,
        "trial": choice.chosen.number,
        "asked": choice.asked,
        "epochs": choice.epochs,
        "candidates": [
            {
                "trial": candidate.number,
                "mean": candidate.score.mean,
                "standard_error": candidate.score.standard_error,
                "worse_by": candidate.loss.mean,
                "worse_by_standard_error": candidate.loss.standard_error,
                "ties": candidate.ties,
                "parameters": candidate.size,
            }
            for candidate in choice.candidates
        ],
    }


def _outcome_data(outcome: "PromotionResult") -> dict[str, Any]:
    version = outcome.version
    return {
        "version": version.version,
        "registered_now": outcome.is_new,
        "test_opened_now": outcome.test_is_new,
        "evidence": outcome.evidence.to_data(),
    }
