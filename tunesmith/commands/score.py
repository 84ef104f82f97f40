"""``tunesmith score``: score a trained model and its baselines on pieces that the model never saw."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.wording import by_number, by_rule, counted
from tunesmith.console import new_table, out, print_json, warn
from tunesmith.figures import decimals, interval
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Home, SearchRepeats, Tracking

if TYPE_CHECKING:
    from search.promotion.rule import PieceScores
    from search.promotion.scoring import BaselineScores, ModelScores
    from tunesmith.names.scores import CorpusScores

_ENDS = 5
"""Number of best pieces, and of worst pieces, that are shown."""


def score(
    model: Annotated[
        str,
        typer.Argument(
            help="A registered model, e.g. composer@champion; a trial, e.g. composer/7; or a file.",
            metavar="MODEL",
        ),
    ],
    corpus: Annotated[
        str,
        typer.Argument(
            help="A named corpus, or a folder: for a composer, of MIDI, ABC, MusicXML or kern files; for a StyleNet, "
            "of MIDI performances, with a subfolder per style or an index.csv.",
            metavar="CORPUS",
        ),
    ],
    every: Annotated[bool, typer.Option("--all", help="List all pieces instead of the best and worst.")] = False,
    keep_seen: Annotated[
        bool, typer.Option("--keep-seen", help="Also score pieces of the training corpus and their variants.")
    ] = False,
    repeats: SearchRepeats = None,
    tracking: Tracking = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Score a trained model and its baselines on pieces that the model never saw.

    The score is the objective of the model's search, averaged over the pieces:
    nats per note for a composer, the mean velocity error for a StyleNet. A
    trial's model predicts the mean of its folds' networks. The baselines are
    trained on the model's training corpus. Differences below 0 mean that the
    model is better.

    Pieces of the training corpus and their variants are left out. Notes with a
    length or pitch that the model does not know get the minimum probability,
    and their number is shown.

    Examples:
        tunesmith score composer@champion tunes/

        tunesmith score composer/7 ryans --all

        tunesmith score stylenet@champion performances/ --json
    """
    from tunesmith.names.models import any_model
    from tunesmith.names.scores import corpus_scores
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.data import report_skipped

    chosen = any_model(model, home_folder(home), tracking)
    with Bar() as bar:
        scored = corpus_scores(chosen, corpus, bar, keep_seen=keep_seen, repeats=repeats)
    report_skipped(scored.corpus)
    if scored.without_baselines is not None:
        warn(f"no baselines, and unknown which pieces the model has seen: {scored.without_baselines}")
    if as_json:
        print_json({"model": model, "file": str(chosen.path), "corpus": corpus, **_as_data(scored)})
        return
    _print_pieces(scored.scores, every=every)
    _print_totals(model, scored.scores)
    _print_remarks(scored)


def _as_data(scored: "CorpusScores") -> dict[str, Any]:
    scores = scored.scores
    rivals = {each.name: dict(zip(each.scores.ids, each.scores.values, strict=True)) for each in scores.baselines}
    return {
        "objective": scores.metric.name,
        "unit": scores.metric.unit,
        **_total(scores.scores),
        "num_notes": sum(scores.num_notes),
        "baselines": [
            {
                "name": each.name,
                "oracle": each.oracle,
                **_total(each.scores),
                "difference": each.difference.mean,
                "difference_standard_error": each.difference.standard_error,
            }
            for each in scores.baselines
        ],
        "without_baselines": scored.without_baselines,
        "lacks": {each.name: {"count": each.count, "of": each.total, "noun": each.noun} for each in scores.lacks},
        "seen": scores.seen,
        "seen_left_out": scores.seen_left_out,
        "left_out": dict(scored.corpus.left_out),
        "skipped": [{"file": each.file, "reason": each.reason} for each in scored.corpus.skipped],
        "pieces": [
            {"piece": name, "notes": notes, "value": value, "baselines": {key: rivals[key][name] for key in rivals}}
            for name, notes, value in zip(scores.scores.ids, scores.num_notes, scores.scores.values, strict=True)
        ],
    }


def _total(scores: "PieceScores") -> dict[str, Any]:
    return {"num_pieces": len(scores.ids), "mean": scores.mean, "standard_error": scores.standard_error}


def _strongest(scores: "ModelScores") -> "BaselineScores | None":
    """Return the baseline with the best mean, except oracles."""
    rivals = [baseline for baseline in scores.baselines if not baseline.oracle]
    return min(rivals, key=lambda baseline: scores.metric.cost(baseline.scores.mean), default=None)


def _print_pieces(scores: "ModelScores", *, every: bool) -> None:
    rival, values = _strongest(scores), scores.scores.values
    ranked = sorted(range(len(values)), key=lambda piece: scores.metric.cost(values[piece]))
    num_hidden = 0 if every else max(len(ranked) - 2 * _ENDS, 0)
    table = new_table()
    table.add_column("piece, best first")
    table.add_column("notes", justify="right", no_wrap=True)
    table.add_column(scores.metric.unit, justify="right", no_wrap=True)
    if rival is not None:
        table.add_column(rival.name, justify="right", no_wrap=True)
    for rank, piece in enumerate(ranked):
        if num_hidden and rank == _ENDS:
            table.add_row(f"[dim]... {num_hidden} more (--all lists them)[/]")
        if not num_hidden or rank < _ENDS or rank >= len(ranked) - _ENDS:
            numbers = [values[piece], *([rival.scores.values[piece]] if rival else [])]
            table.add_row(escape(scores.scores.ids[piece]), str(scores.num_notes[piece]), *map(_number, numbers))
    out.print(table)


def _number(value: float) -> str:
    return f"{value:.{decimals(value)}f}"


def _print_totals(model: str, scores: "ModelScores") -> None:
    pieces = f"{counted(len(scores.num_notes), 'piece')}, {counted(sum(scores.num_notes), 'note', ',')}"
    table = new_table(pieces, scores.metric.unit, *(["model - baseline"] if scores.baselines else []))
    for baseline in scores.baselines:
        table.add_row(baseline.name, _interval(baseline.scores), _interval(baseline.difference))
    table.add_row(escape(model), _interval(scores.scores), "", style="bold green")
    out.print()
    out.print(table)
    paired = "; differences are paired, piece by piece" if scores.baselines else ""
    out.print(f"[dim]means over pieces, ± one standard error{paired}[/]")
    better = [
        baseline.name
        for baseline in scores.baselines
        if not baseline.oracle and scores.metric.better(0, baseline.difference.mean)
    ]
    if better:
        out.print(f"[yellow]better than the model: {', '.join(better)}[/]")


def _interval(scores: "PieceScores") -> str:
    """Return a mean and its standard error as text; the error of a single piece or composition is "-"."""
    error = scores.standard_error
    return interval(scores.mean, error) + ("" if math.isfinite(error) else " ± -")


def _print_remarks(scored: "CorpusScores") -> None:
    scores = scored.scores
    for lack in scores.lacks:
        if lack.count:
            out.print(str(lack), markup=False)
    if scores.seen:
        use = "left out; --keep-seen scores them" if scores.seen_left_out else "scored too"
        out.print(f"pieces of the training corpus or their variants: {len(scores.seen)}, {use}", soft_wrap=True)
    left_out = scored.corpus.left_out
    if count := sum(left_out.values()):
        rules = f"{counted(count, 'piece')} {by_number(count, 'is', 'are')} left out by the corpus's rules"
        out.print(f"{rules}: {by_rule(left_out)}", markup=False, soft_wrap=True)
