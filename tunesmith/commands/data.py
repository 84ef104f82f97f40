"""``tunesmith data``: list corpora, and show or prepare a corpus."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.wording import counted
from tunesmith.commands.notes import notes
from tunesmith.console import labelled_table, new_table, out, print_json
from tunesmith.options import AsJson, Force, Repeats
from tunesmith.searching.data import report, report_skipped

if TYPE_CHECKING:
    from data_prep.corpora.description import Chart, Description
    from data_prep.corpora.provenance import Prepared

app = typer.Typer(help="List, show and prepare training data.", no_args_is_help=True)
app.command()(notes)

Corpus = Annotated[
    str,
    typer.Argument(
        help="A named corpus, or a folder of MIDI, ABC, MusicXML or kern files. FOLDER:COLUMN names the column of its "
        "index.csv that holds the styles.",
        metavar="CORPUS",
    ),
]
Kind = Annotated[
    str | None,
    typer.Option(help="How to read a folder.", show_default="guessed from its files", metavar="melodies|performances"),
]
Picture = Annotated[
    Path | None, typer.Option(help="Draw the statistics into a file (.png, .svg or .pdf).", metavar="FILE")
]
_MOST_VALUES = 12

Folds = Annotated[int, typer.Option(help="Number of cross-validation folds.", min=2, max=20)]
Seed = Annotated[int, typer.Option(help="Seed of the folds and the sealed test set.", min=0)]


@app.command("list")
def list_corpora(as_json: AsJson = False) -> None:
    """List the named corpora. Any folder of scores can also be used as a corpus, by its path."""
    from data_prep.corpora.named import corpora

    named = corpora().values()
    if as_json:
        fields = ("name", "kind", "summary", "licence")
        print_json([{field: getattr(corpus, field) for field in fields} for corpus in named])
        return
    table = new_table("corpus", "kind")
    table.add_column("what it is")
    for corpus in named:
        table.add_row(corpus.name, corpus.kind, corpus.summary)
    out.print(table)
    out.print("[dim]or any folder of MIDI, ABC, MusicXML or kern files, or of piano performances in MIDI[/]")


@app.command()
def prepare(
    corpus: Corpus,
    kind: Kind = None,
    repeats: Repeats = None,
    folds: Folds = 4,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Read a corpus, split it into folds and cache the result, so that later commands start faster."""
    from data_prep.prepared.kinds import KINDS

    prepared = _prepared(corpus, kind, repeats, folds, seed)
    if as_json:
        print_json(_as_data(prepared))
        return
    data = prepared.data
    out.print(
        f"{escape(corpus)}: {counted(data.num_pieces, KINDS[prepared.kind].noun)} with "
        f"{counted(data.num_notes, 'note')} in {folds} folds, and {prepared.num_test_pieces} in the sealed test set; "
        f"fingerprint {prepared.fingerprint[:12]}"
    )


@app.command()
def show(
    corpus: Corpus,
    kind: Kind = None,
    repeats: Repeats = None,
    folds: Folds = 4,
    seed: Seed = 0,
    picture: Picture = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Show what is in a corpus: statistics, folds, and which pieces are left out and why."""
    from data_prep.prepared.kinds import describe

    if picture is not None:
        from tunesmith.reports.pictures import check_writable

        check_writable(picture, replace=force)
    prepared = _prepared(corpus, kind, repeats, folds, seed)
    numbers = describe(prepared)
    if picture is not None:
        from tunesmith.reports.data_picture import draw
        from tunesmith.reports.pictures import save

        save(draw(numbers, corpus), picture, replace=force, dpi=150)
    if as_json:
        print_json(_as_data(prepared))
        return
    _print_description(prepared, numbers)


def _prepared(corpus: str, kind: str | None, repeats: str | None, folds: int, seed: int) -> "Prepared":
    from data_prep.corpora.named import resolve
    from data_prep.prepared.corpus import prepare as prepare_corpus
    from tunesmith.progress_bar import Bar

    kind = kind or resolve(corpus).likely_kind()
    repeats = repeats or "written"
    with Bar() as bar:
        prepared = prepare_corpus(corpus, kind=kind, repeats=repeats, num_folds=folds, seed=seed, progress=bar)
    report_skipped(prepared)
    report(f"{len(prepared.exclusions)} left out:", prepared.exclusions)
    return prepared


def _as_data(prepared: "Prepared") -> dict[str, Any]:
    from data_prep.prepared.kinds import describe

    return {
        "corpus": prepared.data.corpus,
        "kind": prepared.kind,
        "repeats": prepared.repeats,
        "fingerprint": prepared.fingerprint,
        "skipped": [asdict(file) for file in prepared.skipped],
        "exclusions": [asdict(file) for file in prepared.exclusions],
        **asdict(describe(prepared)),
    }


def _print_description(prepared: "Prepared", numbers: "Description") -> None:
    from data_prep.corpora.named import resolve

    corpus = resolve(prepared.data.corpus)
    out.print(f"[bold]{escape(corpus.name)}[/]: {escape(corpus.summary)}")
    out.print(f"[dim]{escape(corpus.licence)}[/]")
    out.print(labelled_table((*numbers.rows(), ("repeats", f"read as {prepared.repeats}"))))
    for chart in numbers.charts():
        _print_bars(chart)


def _print_bars(chart: "Chart") -> None:
    table = new_table(show_header=False)
    most = max(*chart.counts.values(), 1)
    shown = list(chart.counts.items())[: None if chart.whole else _MOST_VALUES]
    for name, count in shown:
        table.add_row(f"  {escape(name)}", "█" * round(max(count > 0, 40 * count / most)), counted(count, chart.unit))
    out.print(f"[bold]{escape(chart.title)}[/]")
    out.print(table)
    if len(chart.counts) > len(shown):
        out.print(f"  [dim]and {len(chart.counts) - len(shown)} that are rarer[/]")
