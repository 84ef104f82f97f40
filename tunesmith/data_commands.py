"""``tunesmith data``: which corpora there are, what is in one, and preparing it ahead of a search."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tunesmith.console import err, out, print_json
from tunesmith.options import AsJson

if TYPE_CHECKING:
    from data_prep.description import Description
    from data_prep.prepared import Prepared

app = typer.Typer(help="See what there is to learn from.", no_args_is_help=True)

Corpus = Annotated[str, typer.Argument(help="A corpus's name, or a folder of MIDI, ABC, MusicXML or kern files.")]
Folds = Annotated[int, typer.Option(help="Folds of the cross-validation.", min=2, max=20)]
Seed = Annotated[int, typer.Option(help="Seed of the folds and the sealed test set.", min=0)]

_MOST_SHOWN = 12


@app.command("list")
def list_corpora(as_json: AsJson = False) -> None:
    """List the named corpora. Any folder of scores is a corpus too: name the folder."""
    from data_prep.corpus import corpora

    if as_json:
        print_json([{"name": one.name, "summary": one.summary, "licence": one.licence} for one in corpora().values()])
        return
    from rich.table import Table

    table = Table("corpus", "what it is", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for one in corpora().values():
        table.add_row(one.name, one.summary)
    out.print(table)
    out.print("[dim]or any folder of MIDI, ABC, MusicXML or kern files[/]")


@app.command()
def prepare(corpus: Corpus, folds: Folds = 4, seed: Seed = 0, as_json: AsJson = False) -> None:
    """Read a corpus, fold it and keep the result, so that later commands start at once."""
    prepared = _prepared(corpus, folds, seed)
    if as_json:
        print_json(_as_data(prepared))
        return
    data = prepared.data
    out.print(
        f"{corpus}: {data.num_pieces} pieces with {data.num_notes} notes in {folds} folds, and "
        f"{prepared.num_test_pieces} sealed for the test; fingerprint {prepared.fingerprint[:12]}"
    )


@app.command()
def show(corpus: Corpus, folds: Folds = 4, seed: Seed = 0, as_json: AsJson = False) -> None:
    """Show what is in a corpus: what passes its rules, what does not and why, lengths, durations, keys, folds."""
    from data_prep.description import describe

    prepared = _prepared(corpus, folds, seed)
    if as_json:
        print_json(_as_data(prepared))
        return
    _print_description(prepared, describe(prepared))


def _prepared(corpus: str, folds: int, seed: int) -> "Prepared":
    from data_prep.prepared import prepare as prepare_corpus
    from tunesmith.progress import Bar

    with Bar() as bar:
        prepared = prepare_corpus(corpus, num_folds=folds, seed=seed, progress=bar)
    report_skipped(prepared)
    return prepared


def report_skipped(prepared: "Prepared") -> None:
    """Say which files could not be read and why, on standard error."""
    if not prepared.skipped:
        return
    err.print(f"[yellow]{len(prepared.skipped)} could not be read and were skipped:[/]")
    for one in prepared.skipped[:_MOST_SHOWN]:
        err.print(f"  {one.file}: {one.reason}", markup=False)
    if len(prepared.skipped) > _MOST_SHOWN:
        err.print(f"  and {len(prepared.skipped) - _MOST_SHOWN} more (tunesmith data show --json lists all)")


def _as_data(prepared: "Prepared") -> dict[str, Any]:
    from data_prep.description import describe

    return {
        "corpus": prepared.data.corpus,
        "fingerprint": prepared.fingerprint,
        "skipped": [asdict(one) for one in prepared.skipped],
        **asdict(describe(prepared)),
    }


def _print_description(prepared: "Prepared", numbers: "Description") -> None:
    from rich.table import Table

    from data_prep.corpus import resolve

    corpus = resolve(prepared.data.corpus)
    out.print(f"[bold]{corpus.name}[/]: {corpus.summary}")
    out.print(f"[dim]{corpus.licence}[/]")
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    left_out = ", ".join(f"{count} {rule}" for rule, count in numbers.left_out.items() if count)
    table.add_row("read", f"{numbers.num_read} pieces from {numbers.num_files} files, {numbers.num_skipped} skipped")
    table.add_row("left out", left_out or "none")
    table.add_row("pieces", f"{numbers.num_pieces} to learn from, {numbers.num_test_pieces} sealed for the test")
    table.add_row("notes", f"{numbers.num_notes}, {numbers.num_rests} of them rests")
    table.add_row(
        "a piece has", f"{numbers.shortest} to {numbers.longest} notes, half of them {numbers.median:g} or more"
    )
    table.add_row("tokens", f"{numbers.num_tokens}, {numbers.num_tokens_with_position} with the position in the bar")
    table.add_row("pitches", f"MIDI {numbers.lowest} to {numbers.highest}")
    table.add_row("near-duplicates", f"{numbers.num_groups} groups, the largest of {numbers.largest_group} pieces")
    table.add_row("folds", ", ".join(f"{fold.pieces} pieces / {fold.notes} notes" for fold in numbers.folds))
    out.print(table)
    _print_bars("duration in quarter notes", {str(key): count for key, count in numbers.durations.items()}, "notes")
    _print_bars("metre", numbers.metres, "pieces")
    _print_bars("tonic", numbers.tonics, "pieces")


def _print_bars(title: str, counts: Mapping[str, int], unit: str) -> None:
    from rich.table import Table

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    most = max(counts.values(), default=1)
    for name, count in list(counts.items())[:_MOST_SHOWN]:
        table.add_row(f"  {name}", "█" * max(1, round(40 * count / most)), f"{count} {unit}")
    out.print(f"[bold]{title}[/]")
    out.print(table)
    if len(counts) > _MOST_SHOWN:
        out.print(f"  [dim]and {len(counts) - _MOST_SHOWN} rarer ones[/]")
