"""``tunesmith compose``: new tunes from a trained model, as files of every kind."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.errors import BadInputError, unknown
from data_prep.storage.user_files import free_set, of_set
from tunesmith.console import beware, out, print_json
from tunesmith.home import home_folder
from tunesmith.options import AsJson, CorpusName, Home, Repeats, Tracking

if TYPE_CHECKING:
    from data_prep.tunes.copies import CorpusIndex
    from data_prep.tunes.corpus_measures import CorpusMeasures
    from data_prep.tunes.tune import Tune
    from models.uses.offers import ComposingModel
    from tunesmith.names.models import NamedModel

_ROLL = "roll"
"""The format that is a picture of the notes, beside those of ``data_prep.writers.files``."""


def compose(
    trial: Annotated[
        str | None,
        typer.Option(
            help="A search's trial that finished its full budget, or a search for its best.",
            show_default="the champion, else composer",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A registered model instead, as composer@champion, or a file.", metavar="MODEL|FILE"),
    ] = None,
    tracking: Tracking = None,
    prompt: Annotated[
        Path | None, typer.Option(help="An ABC, MIDI, MusicXML or kern file to continue.", metavar="TUNE.abc")
    ] = None,
    prompt_notes: Annotated[int, typer.Option(help="How many of its notes and rests are given.")] = 16,
    bars: Annotated[int, typer.Option(help="Bars of a tune, the prompt included.")] = 16,
    key: Annotated[
        str | None, typer.Option(help="As in D, Am, F#m, 'E dorian' or Amix; the model's choice unless said.")
    ] = None,
    metre: Annotated[str | None, typer.Option(help="As in 6/8; the model's choice unless said.")] = None,
    temperature: Annotated[float, typer.Option(help="Above 1 bolder, below 1 safer, 0 the most likely.")] = 0.9,
    top_p: Annotated[
        float, typer.Option(help="Sample from the most likely that together have this probability.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(help="Sample from the k most likely notes; 0 is all.")] = 0,
    lowest: Annotated[str | None, typer.Option(help="The lowest pitch, as in G3 or 55.")] = None,
    highest: Annotated[str | None, typer.Option(help="The highest pitch.")] = None,
    end_on_tonic: Annotated[
        bool, typer.Option("--end-on-tonic/--any-ending", help="Whether the last note is the tonic.")
    ] = True,
    form: Annotated[
        str | None,
        typer.Option(help="Parts of equal length that return, as in AABB (with --bars 32, of 8 bars).", metavar="AABB"),
    ] = None,
    count: Annotated[int, typer.Option(help="How many tunes.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tunes.", min=0)] = 1,
    folder: Annotated[Path, typer.Option("--out", help="The folder for the files.", metavar="DIR")] = Path("composed"),
    formats: Annotated[
        str, typer.Option(help="midi, musicxml, abc, svg, png, wav and roll, with commas between; or all.")
    ] = "all",
    instrument: Annotated[
        str, typer.Option(help="Who plays it in MIDI and sound: a name of General MIDI; piano for 'perform'.")
    ] = "violin",
    corpus: CorpusName = None,
    repeats: Repeats = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Measure the tunes beside the corpus, and look for copies.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace all tunes of this model and seed in the folder, and their report.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compose tunes and write them as MIDI, MusicXML, ABC, engraved pages, sound and pictures.

    The report says how they measure beside the corpus that the model was trained on, or the one that --corpus names,
    and what they have copied from it. A folder that has tunes of this model and seed already keeps them: the new ones
    are then called MODEL-seed1-run2-01 and so on.

    Examples:
        tunesmith compose --model composer@champion --count 4

        tunesmith compose --key D --metre 6/8 --bars 8 --temperature 0.9 --formats midi,abc

        tunesmith compose --form AABB --bars 32

        tunesmith compose --prompt tune.abc --prompt-notes 16 --lowest G3 --highest B5
    """
    from models.uses.request import SamplingRequest
    from tunesmith.reports.tunes.files import write_report

    kinds = _kinds(formats)
    given, remarks = _prompt(prompt)
    request = SamplingRequest(
        bars=bars,
        temperature=temperature,
        top_p=top_p,
        top_k=top_k,
        key=key,
        metre=metre,
        lowest=lowest,
        highest=highest,
        end_on_tonic=end_on_tonic,
        form=form,
        prompt=given,
        prompt_notes=prompt_notes,
    )
    _make(folder)
    found, composer = _composer(model, trial, home_folder(home), tracking)
    remarks = [*remarks, *composer.remarks(request)]
    for remark in remarks:
        beware(remark)
    measures, index = _corpus(found, corpus, repeats) if report else (None, None)
    composed = composer.compose(request, count=count, seed=seed)
    name = f"{found.name}-seed{seed}" if force else free_set(folder, f"{found.name}-seed{seed}")
    before = of_set(folder, name)
    tunes = {
        f"{name}-{number:02d}": dataclasses.replace(tune, title=f"{found.name}, seed {seed}, number {number}")
        for number, tune in enumerate(composed, 1)
    }
    files = {stem: _write(tune, folder, stem, kinds, instrument, replace=force) for stem, tune in tunes.items()}
    rows = [_row(stem, tune, files[stem]) for stem, tune in tunes.items()]
    result, beside = None, list[Path]()
    if report:
        result, beside = write_report(tunes, measures, index, folder, f"{name}-report", replace=force)
    for path in {*before}.difference(beside, *files.values()):  # of an earlier set of this name
        path.unlink(missing_ok=True)
    if as_json:
        print_json({"model": str(found.path), "seed": seed, "remarks": remarks, "tunes": rows, "report": result})
        return
    _print(rows)
    if result is not None:
        _print_report(result, folder / f"{name}-report.md")


def _composer(
    model: str | None, trial: str | None, home: Path, tracking: str | None
) -> "tuple[NamedModel, ComposingModel]":
    from models.families import family_of, offering
    from models.uses.offers import ComposingFamily
    from tunesmith.names.models import named_model

    families = offering(ComposingFamily)
    found = named_model(model, trial, list(families), home, tracking)
    return found, families[family_of(found.path, families).name].composing_model(found.path)


def _kinds(formats: str) -> list[str]:
    from data_prep.writers.files import FORMATS

    known = [*FORMATS, _ROLL]
    if formats == "all":
        return known
    asked = [name.strip() for name in formats.split(",") if name.strip()]
    for name in asked:
        if name not in known:
            raise unknown("format", name, known, "--formats")
    if not asked:
        raise BadInputError(f"a tune is written in at least one format: {', '.join(known)} or all", f"got {formats!r}")
    return asked


def _prompt(path: Path | None) -> "tuple[Tune | None, list[str]]":
    if path is None:
        return None, []
    from data_prep.tunes.prompts import read_prompt

    tune, remarks = read_prompt(path)
    return tune, list(remarks)


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(
            "tunes are written to a folder",
            f"{folder} cannot be one ({error.strerror})",
            remedy="name another with --out",
        ) from None


def _write(tune: "Tune", folder: Path, stem: str, kinds: list[str], instrument: str, *, replace: bool) -> list[Path]:
    from data_prep.writers.files import write

    formats = [kind for kind in kinds if kind != _ROLL]
    paths = write(tune, folder, stem, formats, instrument=instrument, replace=replace)
    if _ROLL in kinds:
        from tunesmith.reports.pictures import save
        from tunesmith.reports.tunes.roll import piano_roll

        paths.append(folder / f"{stem}-{_ROLL}.png")
        save(piano_roll(tune), paths[-1], replace=replace)
    return paths


def _corpus(
    model: "NamedModel", name: str | None, repeats: str | None
) -> "tuple[CorpusMeasures | None, CorpusIndex | None]":
    """Measure the corpus that is named, or the one that the model was trained on; none if that is not there."""
    from data_prep.prepared.corpus import prepare
    from data_prep.tunes.copies import CorpusIndex
    from data_prep.tunes.corpus_measures import corpus_measures
    from search.spec.sections import Data
    from tunesmith.progress import Bar

    trained = model.data
    corpus = name or (trained and trained.corpus)
    if not corpus:
        return None, None
    data = trained or Data()
    try:
        with Bar() as bar:  # without the pieces that its test set seals
            prepared = prepare(
                corpus,
                kind="melodies",
                repeats=repeats or data.repeats,
                num_folds=data.folds,
                seed=data.seed,
                progress=bar,
            )
    except BadInputError as error:
        if name or repeats:
            raise
        beware(f"the search's corpus cannot be compared with: {error}")
        return None, None
    index = CorpusIndex(prepared.data, [origin.title for origin in prepared.origins])
    return corpus_measures(prepared.data, index), index


def _row(stem: str, tune: "Tune", files: list[Path]) -> dict[str, Any]:
    from data_prep.tunes.spelling import tonic

    return {
        "name": stem,
        "key": f"{tonic(tune)} {tune.mode}",
        "metre": "/".join(map(str, tune.metre)),
        "bars": float(sum(tune.duration) / tune.bar_length),
        "notes": tune.num_notes,
        "given_notes": tune.num_prompt,
        "files": [str(path) for path in files],
    }


def _print(rows: list[dict[str, Any]]) -> None:
    from rich.table import Table

    table = Table("tune", "key", "metre", "bars", "notes", "written", box=None, header_style="bold")
    for row in rows:
        endings = " ".join(Path(path).name.removeprefix(row["name"]) for path in row["files"])
        table.add_row(escape(row["name"]), row["key"], row["metre"], f"{row['bars']:g}", str(row["notes"]), endings)
    out.print(table)


def _print_report(report: dict[str, Any], file: Path) -> None:
    from tunesmith.reports.tunes.text import print_report

    out.print()
    print_report(report)
    out.print(f"[dim]the whole report: {escape(str(file))}[/]", soft_wrap=True)
