"""The report on composed tunes as text: a table for the terminal, and a Markdown page with links to the tunes."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from data_prep.tunes.copies import MIN_COPY
from data_prep.wording import counted

if TYPE_CHECKING:
    from data_prep.tunes.measures import Unit, Value
    from tunesmith.reports.tunes.contents import TuneReport

_MARKS = {"low": " ▼", "high": " ▲", None: ""}
_LINKED = (".mid", ".musicxml", ".abc", ".svg", ".wav")
_LABELS, _CELL = 53, 8
"""Widths of the terminal's table before the columns of the tunes, and of the widest value in these columns."""


def print_report(report: "TuneReport") -> None:
    """Print the measures of the corpus and of as many tunes as fit, and the sources of their longest copies."""
    from rich.markup import escape

    from tunesmith.console import new_table, out

    cell = max(_CELL, *map(len, report["tunes"])) + 2
    shown = list(report["tunes"])[: max(1, (out.width - _LABELS) // cell)]
    table = new_table("measure")
    for title in _corpus_titles(report):
        table.add_column(title, justify="right", style="dim", no_wrap=True)
    for stem in shown:
        table.add_column(escape(stem), justify="right", overflow="fold")
    for name, measure in report["measures"].items():
        cells = [_of_tune(report, stem, name) for stem in shown]
        styled = [f"[bold yellow]{cell}[/]" if cell[-1] in "▲▼" else cell for cell in cells]
        table.add_row(escape(measure["title"]), *_of_corpus(report, measure), *styled)
    out.print(table)
    if len(report["tunes"]) > len(shown):
        out.print(f"[dim]and {len(report['tunes']) - len(shown)} more, in the report's page[/]")
    out.print(_key(report), style="dim", markup=False)
    for stem in shown:
        out.print(f"{stem}: {_copy(report, stem)}", markup=False, soft_wrap=True)


def markdown(report: "TuneReport", folder: Path, picture: str) -> str:
    """Return the Markdown page.

    Args:
        report: The report.
        folder: The folder of the tunes' files; the page links to existing files.
        picture: The name of the picture's file, which is shown if there is a corpus.

    Returns:
        The page.
    """
    return "\n".join([*_page(report, folder, picture), ""])


def _page(report: "TuneReport", folder: Path, picture: str) -> Iterator[str]:
    yield "# Composed tunes"
    yield ""
    yield _key(report)
    yield ""
    if report["corpus"]:
        yield from (f"![The tunes compared with the corpus]({quote(picture)})", "")
    titles = ["measure", *_corpus_titles(report), *map(_plain, report["tunes"])]
    yield _row(titles)
    yield _row([":--", *["--:"] * (len(titles) - 1)])
    for name, measure in report["measures"].items():
        cells = [_of_tune(report, stem, name) for stem in report["tunes"]]
        bold = [f"**{cell}**" if cell[-1] in "▲▼" else cell for cell in cells]
        yield _row([measure["title"], *_of_corpus(report, measure), *bold])
    for stem, tune in report["tunes"].items():
        yield from ("", f"## {_plain(tune['title'] or stem)}", "", f"{_plain(_headline(tune))}  ")
        files = [f"{stem}{suffix}" for suffix in _LINKED if (folder / f"{stem}{suffix}").exists()]
        if files:
            yield " · ".join(f"[{_plain(file)}]({quote(file)})" for file in files) + "  "
        copy = _copy(report, stem)
        yield _plain(f"{copy[0].upper()}{copy[1:]}.")
        if (folder / f"{stem}.png").exists():
            yield from ("", f"![{_plain(stem)}]({quote(stem)}.png)")
    yield from ("", "## Measures", "")
    for measure in report["measures"].values():
        yield f"- **{measure['title']}** ({measure['unit']}): {measure['meaning']}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Escape characters that Markdown would interpret."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>#|" else letter for letter in " ".join(text.split()))


def _corpus_titles(report: "TuneReport") -> list[str]:
    return ["corpus: median", "9 of 10 within"] if report["corpus"] else []


def _of_corpus(report: "TuneReport", measure: "dict[str, Any]") -> list[str]:
    """Return the cells for a measure of the corpus."""
    if not report["corpus"]:
        return []
    usual, unit = measure["corpus"], measure["unit"]
    if usual is None:
        return ["-", "-"]
    if unit == "yes or no":
        return [_text(usual["median"], unit), f"{_text(usual['mean'], 'share')} yes"]
    low, high = (_text(usual[end], unit) for end in ("low", "high"))
    return [_text(usual["median"], unit), high if low == high else f"{low.removesuffix(' %')} - {high}"]


def _of_tune(report: "TuneReport", stem: str, name: str) -> str:
    value = report["tunes"][stem]["values"][name]
    return _text(value["value"], report["measures"][name]["unit"]) + _MARKS[value["unusual"]]


def _text(value: "Value", unit: "Unit") -> str:
    """Return a value as text; shares are percentages."""
    if value is None:
        return "-"
    if unit == "yes or no":
        return "yes" if value else "no"
    return f"{100 * value:.0f} %" if unit == "share" else f"{value:.1f}".removesuffix(".0")


def _key(report: "TuneReport") -> str:
    if not report["corpus"]:
        return "The corpus is not available, so measures are not compared and copies are not listed."
    corpus = report["corpus"]
    return (
        f"Compared with the {counted(corpus['pieces'], 'piece')} of {corpus['name']}. Leaps and ranges are in "
        "semitones; ▼ and ▲ mark values that fewer than 1 in 40 pieces fall below or exceed; given notes do not count."
    )


def _headline(tune: "dict[str, Any]") -> str:
    given = f", {tune['given_notes']} of them given" if tune["given_notes"] else ""
    return (
        f"{tune['key']}, {tune['metre']}, {counted(tune['bars'], 'bar', 'g')}, {counted(tune['notes'], 'note')}{given}"
    )


def _copy(report: "TuneReport", stem: str) -> str:
    """Return a sentence about the source of a tune's longest copy."""
    if not report["corpus"]:
        return "not compared with the corpus"
    copy = report["tunes"][stem]["longest_copy"]
    if copy is None or copy["length"] < MIN_COPY:
        return f"no {MIN_COPY} consecutive notes are in the corpus"
    source = f"{copy['title']} ({copy['piece']})" if copy["title"] else copy["piece"]
    shift, note = copy["semitones"], copy["piece_note"] + 1
    pitch = f"{counted(abs(shift), 'semitone')} {'lower' if shift > 0 else 'higher'}" if shift else "at the same pitch"
    length = counted(copy["length"], "note")
    return f"{length} from bar {copy['bar']} on are in {source} from note {note} on, {pitch}"
