"""``tunesmith compose``: new tunes from a trained composer, as files in several formats."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from data_prep.errors import BadInputError, unknown
from data_prep.storage.user_files import free_set, of_set
from tunesmith.completion import search_names
from tunesmith.console import out, print_json, warn
from tunesmith.home import home_folder, make_folder
from tunesmith.options import AsJson, CorpusName, Home, SearchRepeats, Tracking

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from data_prep.tunes.copies import CorpusIndex
    from data_prep.tunes.corpus_measures import CorpusMeasures
    from data_prep.tunes.notation import Tune
    from tunesmith.names.models import NamedModel
    from tunesmith.reports.tunes.contents import TuneReport

    Compared: TypeAlias = tuple[CorpusMeasures | None, CorpusIndex | None]

_ROLL = "roll"
"""The format of a piano roll, in addition to those of ``data_prep.writers.files``."""


def compose(
    trial: Annotated[
        str | None,
        typer.Option(
            help="A trial with its full budget, e.g. composer/7; or a search, whose best trial is used.",
            show_default="the champion, else the best trial of composer",
            autocompletion=search_names,
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A registered model, e.g. composer@champion, a kept one (kept/NAME) or a file, instead of --trial.",
            metavar="MODEL|FILE",
        ),
    ] = None,
    tracking: Tracking = None,
    prompt: Annotated[
        Path | None, typer.Option(help="An ABC, MIDI, MusicXML or kern file to continue.", metavar="TUNE.abc")
    ] = None,
    prompt_notes: Annotated[int, typer.Option(help="Number of notes and rests of the prompt to start from.")] = 16,
    bars: Annotated[int, typer.Option(help="Number of bars, including the prompt.")] = 16,
    key: Annotated[
        str | None, typer.Option(help="Key, e.g. D, Am, F#m, 'E dorian' or Amix.", show_default="chosen by the model")
    ] = None,
    metre: Annotated[str | None, typer.Option(help="Metre, e.g. 6/8.", show_default="chosen by the model")] = None,
    temperature: Annotated[
        float, typer.Option(help="Sampling temperature; 0 always takes the most likely note.")
    ] = 0.9,
    top_p: Annotated[
        float, typer.Option(help="Sample from the most likely notes that together have this probability.")
    ] = 1.0,
    top_k: Annotated[int, typer.Option(help="Sample from the k most likely notes; 0 is all.")] = 0,
    lowest: Annotated[str | None, typer.Option(help="Lowest pitch, e.g. G3 or 55.")] = None,
    highest: Annotated[str | None, typer.Option(help="Highest pitch.")] = None,
    end_on_tonic: Annotated[
        bool, typer.Option("--end-on-tonic/--any-ending", help="Whether the last note must be the tonic.")
    ] = True,
    form: Annotated[
        str | None,
        typer.Option(help="Repeated parts of equal length, e.g. AABB (of 8 bars each with --bars 32).", metavar="AABB"),
    ] = None,
    voices: Annotated[
        int,
        typer.Option(
            help="Number of voices of each score, from the top, for a model with conditioning = upper_voices."
        ),
    ] = 1,
    count: Annotated[int, typer.Option(help="Number of tunes, or of scores.")] = 1,
    seed: Annotated[int, typer.Option(help="The same seed gives the same tunes.", min=0)] = 1,
    folder: Annotated[Path, typer.Option("--out", help="Folder for the files.", metavar="DIR")] = Path("composed"),
    formats: Annotated[
        str, typer.Option(help="Any of midi, musicxml, abc, svg, png, wav and roll, separated by commas; or all.")
    ] = "all",
    instrument: Annotated[
        str, typer.Option(help="General MIDI name of the instrument in MIDI and audio; 'perform' requires piano.")
    ] = "violin",
    corpus: CorpusName = None,
    repeats: SearchRepeats = None,
    report: Annotated[
        bool, typer.Option("--report/--no-report", help="Compare the tunes with the corpus, and look for copies.")
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Replace all tunes of this model and seed in the folder, and their report.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Compose tunes and write them as MIDI, MusicXML, ABC, engraved pages, audio and pictures.

    The report compares the tunes with the model's training corpus, or with
    --corpus, and shows what they copy from it. Existing tunes of the same model
    and seed are not replaced: the new ones are named MODEL-seed1-run2-01 and
    so on.

    Examples:
        tunesmith compose --model composer@champion --count 4

        tunesmith compose --key D --metre 6/8 --bars 8 --temperature 0.9 --formats midi,abc

        tunesmith compose --form AABB --bars 32

        tunesmith compose --prompt tune.abc --prompt-notes 16 --lowest G3 --highest B5

        tunesmith compose --model composer@champion --voices 4
    """
    from models.families import family_of, offering
    from models.uses.offers import ComposingFamily
    from models.uses.request import SamplingRequest
    from tunesmith.names.models import named_model

    target = _Target(folder, _formats(formats), instrument, force)
    beginning, remarks = _prompt(prompt)
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
        prompt=beginning,
        prompt_notes=prompt_notes,
        voices=voices,
    )
    make_folder(folder, "tunes", "--out")
    families = offering(ComposingFamily)
    chosen = named_model(model, trial, list(families), home_folder(home), tracking)
    composer = families[family_of(chosen.path, families).name].composing_model(chosen.path)
    remarks = [*remarks, *composer.remarks(request)]
    for remark in remarks:
        warn(remark)
    compared = _corpus(chosen, corpus, repeats) if report else None
    tunes = {
        f"{number:02d}": dataclasses.replace(tune, title=f"{chosen.name}, seed {seed}, {_numbered(number, voices)}")
        for number, tune in enumerate(composer.compose(request, count=count, seed=seed), 1)
    }
    name, rows, summary = target.write(tunes, f"{chosen.name}-seed{seed}", compared)
    if as_json:
        print_json({"model": str(chosen.path), "seed": seed, "remarks": remarks, "tunes": rows, "report": summary})
        return
    _print(rows)
    if summary is not None:
        from tunesmith.reports.tunes.text import print_report

        out.print()
        print_report(summary)
        out.print(f"[dim]the full report: {escape(str(folder / f'{name}-report.md'))}[/]", soft_wrap=True)


@dataclasses.dataclass(frozen=True)
class _Target:
    """Where and how tunes are written: the folder, the formats, the instrument, and whether to replace files."""

    folder: Path
    formats: list[str]
    instrument: str
    replace: bool

    def write(
        self, tunes: "Mapping[str, Tune]", stem: str, compared: "Compared | None"
    ) -> "tuple[str, list[dict[str, Any]], TuneReport | None]":
        """Write tunes by their numbers, and the report; return the name of the set, a row per tune, and the report.

        Other files of an earlier set of the same name are removed.
        """
        from tunesmith.reports.tunes.files import write_report

        name = stem if self.replace else free_set(self.folder, stem)
        before = of_set(self.folder, name)
        named = {f"{name}-{number}": tune for number, tune in tunes.items()}
        files = {stem: self._write_tune(tune, stem) for stem, tune in named.items()}
        rows = [_row(stem, tune, files[stem]) for stem, tune in named.items()]
        summary, report_files = None, list[Path]()
        if compared is not None:
            summary, report_files = write_report(named, *compared, self.folder, f"{name}-report", replace=self.replace)
        for path in {*before}.difference(report_files, *files.values()):
            path.unlink(missing_ok=True)
        return name, rows, summary

    def _write_tune(self, tune: "Tune", stem: str) -> list[Path]:
        from data_prep.writers.files import write

        formats = [name for name in self.formats if name != _ROLL]
        paths = write(tune, self.folder, stem, formats, instrument=self.instrument, replace=self.replace)
        if _ROLL in self.formats:
            from tunesmith.reports.pictures import save
            from tunesmith.reports.tunes.roll import piano_roll

            paths.append(self.folder / f"{stem}-{_ROLL}.png")
            save(piano_roll(tune), paths[-1], replace=self.replace)
        return paths


def _formats(formats: str) -> list[str]:
    from data_prep.writers.files import FORMATS

    known = [*FORMATS, _ROLL]
    if formats == "all":
        return known
    names = [name.strip() for name in formats.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise unknown("format", name, known, "--formats")
    if not names:
        raise BadInputError(f"--formats takes one or more of {', '.join(known)}, or all", f"got {formats!r}")
    return names


def _prompt(path: Path | None) -> "tuple[Tune | None, list[str]]":
    if path is None:
        return None, []
    from data_prep.tunes.prompts import read_prompt

    tune, remarks = read_prompt(path)
    return tune, list(remarks)


def _numbered(number: int, voices: int) -> str:
    """Return the words for tune number i, from 1, or for its score and voice."""
    score, voice = divmod(number - 1, voices)
    return f"number {number}" if voices == 1 else f"score {score + 1}, voice {voice + 1}"


def _corpus(model: "NamedModel", name: str | None, repeats: str | None) -> "Compared":
    """Measure and index the named corpus or the model's training corpus; return None twice if it is not available."""
    from data_prep.tunes.copies import CorpusIndex
    from data_prep.tunes.corpus_measures import corpus_measures
    from search.spec.sections import Data
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.data import prepare_data

    if not (name or model.data):
        return None, None
    data = model.data or Data()
    data = data.model_copy(update={"corpus": name or data.corpus, "repeats": repeats or data.repeats})
    try:
        with Bar() as bar:  # without the pieces of the sealed test set
            prepared = prepare_data(data, "melodies", bar)
    except BadInputError as error:
        if name or repeats:
            raise
        warn(f"the tunes are not compared with the training corpus: {error}")
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
    table = Table("tune", "key", "metre", "bars", "notes", "written", box=None, header_style="bold")
    for row in rows:
        endings = " ".join(Path(path).name.removeprefix(row["name"]) for path in row["files"])
        table.add_row(escape(row["name"]), row["key"], row["metre"], f"{row['bars']:g}", str(row["notes"]), endings)
    out.print(table)
