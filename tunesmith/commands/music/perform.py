"""``tunesmith perform``: set the velocities of piano music with a trained StyleNet."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.markup import escape

from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.console import err, print_json
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Force, Home, PerformerModel, PerformerTrial, Repeats, Tracking
from tunesmith.remedies import error_line

if TYPE_CHECKING:
    from models.uses.offers import PerformingModel
    from models.uses.performing import Spread
    from tunesmith.performing.files import Wanted

_ALL = "all"

_BAD_FILES = 2
"""Exit status if some of several files could not be performed."""


def perform(
    inputs: Annotated[
        list[Path],
        typer.Argument(help="MIDI or MusicXML files with a piano, and folders of them.", metavar="IN.mid|DIR"),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--out",
            help="Output file; for several files or a folder, the output folder.",
            show_default="IN-STYLE.mid; for several files ./performed",
            metavar="OUT.mid|DIR",
        ),
    ] = None,
    trial: PerformerTrial = None,
    model: PerformerModel = None,
    tracking: Tracking = None,
    genre: Annotated[str | None, typer.Option(help="A style of the model, or 'all' for a file in each style.")] = None,
    mix: Annotated[str | None, typer.Option(help="A mix of styles.", metavar="classical=0.3,jazz=0.7")] = None,
    amount: Annotated[
        float, typer.Option(help="Strength of the dynamics: 0 is flat, 1 as predicted, 2 twice as strong; at most 100.")
    ] = 1.0,
    spread: Annotated[
        str,
        typer.Option(
            help="Spread of velocities within a piece: as predicted, or that of human players in the style.",
            metavar="predicted|human",
        ),
    ] = "predicted",
    keep_accents: Annotated[
        float, typer.Option(help="Share, 0 to 1, of the file's own accents (deviations from its median) to add.")
    ] = 0.0,
    flat: Annotated[bool, typer.Option("--flat", help="Set all velocities to 64 without a model.")] = False,
    at_random: Annotated[bool, typer.Option("--random", help="Set random velocities without a model.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of --random.", min=0)] = 0,
    repeats: Repeats = None,
    wav: Annotated[bool, typer.Option("--wav", help="Write the sound of each performance next to it.")] = False,
    picture: Annotated[
        Path | None,
        typer.Option(help="Draw the notes of a single file before and after the change.", metavar="ROLL.png"),
    ] = None,
    force: Force = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Set the velocities of the piano in MIDI files, without changing any other byte.

    Of several files, each is performed into the folder --out; those of a folder
    keep their relative paths. A file that cannot be performed is named, and the
    exit status is then 2. MusicXML is performed as MIDI, and the dynamics that
    are written in it are shown beside the model's.

    Examples:
        tunesmith perform tune.mid --trial stylenet/7 --genre jazz --out jazz.mid

        tunesmith perform tune.mid --genre all --amount 0.8

        tunesmith perform tune.mid --model stylenet@champion --mix classical=0.3,jazz=0.7

        tunesmith perform a.mid scores/ --genre jazz --spread human --wav --out performed/
    """
    from data_prep.readers.scores import reading_of_repeats
    from models.uses.performing import Shaping
    from tunesmith.performing.files import Wanted
    from tunesmith.performing.places import find_places

    if sum((genre is not None, mix is not None, flat, at_random)) > 1:
        raise BadInputError("a performance takes one of --genre, --mix, --flat and --random", "got several")
    shaping = Shaping(amount, cast("Spread", spread), keep_accents)
    if shaping.spread == "human" and (flat or at_random):
        raise BadInputError(
            "--spread human scales the predictions of a model", f"got it with {'--flat' if flat else '--random'}"
        )
    reading = reading_of_repeats(repeats or "written")
    places = find_places(inputs, output)
    performer = None if flat or at_random else _performer(model, trial, home, tracking)
    styles = {"flat" if flat else "random": ""} if performer is None else _requested(performer, genre, mix)
    wanted = Wanted(performer, styles, shaping, seed, reading, wav=wav, replace=force)
    wanted.check_styles()
    outputs = {place.source: place.outputs(styles, every=genre == _ALL) for place in places.files}
    _check_outputs(outputs, picture, wanted, is_single=places.folder is None)
    if places.folder is None:
        ((source, files),) = outputs.items()
        _perform_one(source, files, wanted, picture, as_json=as_json)
    else:
        _perform_all(outputs, wanted, as_json=as_json)


def _performer(model: str | None, trial: str | None, home: Path | None, tracking: str | None) -> "PerformingModel":
    from models.families import family_of, offering
    from models.uses.offers import PerformingFamily
    from tunesmith.names.models import named_model

    families = offering(PerformingFamily)
    path = named_model(model, trial, list(families), home_folder(home), tracking).path
    return families[family_of(path, families).name].performing_model(path)


def _requested(performer: "PerformingModel", genre: str | None, mix: str | None) -> Mapping[str, Any]:
    from models.uses.styles import parse_mix

    if mix is not None:
        return {"mix": parse_mix(mix)}
    if genre == _ALL:
        return {style: style for style in performer.styles}
    if genre is not None:
        return {genre: genre}
    first, *others = performer.styles
    if others:
        remedy = f"name one with --genre: {', '.join(performer.styles)} or all; or give a --mix"
        raise BadInputError("a performance needs one of the model's styles", "got none", remedy=remedy)
    return {first: first}


def _check_outputs(
    outputs: Mapping[Path, Mapping[str, Path]], picture: Path | None, wanted: "Wanted", *, is_single: bool
) -> None:
    """Check that all files can be written, before any is."""
    from data_prep.storage.user_files import check_new
    from tunesmith.performing.files import sound_of
    from tunesmith.performing.places import check_apart
    from tunesmith.reports.pictures import check_writable

    written = [path for files in outputs.values() for path in files.values()]
    written += [sound_of(path) for path in written] if wanted.wav else []
    check_apart(outputs, [*written, *([] if picture is None else [picture])])
    if picture is not None:
        if not is_single:
            raise BadInputError("a picture shows a single file", "got several or a folder", "--picture")
        check_writable(picture, replace=wanted.replace)
    check_new(written, replace=wanted.replace)


def _perform_one(
    source: Path, files: Mapping[str, Path], wanted: "Wanted", picture: Path | None, *, as_json: bool
) -> None:
    from tunesmith.performing.files import perform_file
    from tunesmith.performing.report import plain, print_files

    performed = perform_file(source, files, wanted)
    if picture is not None:
        from models.uses.rolls import piano_rolls
        from tunesmith.reports.pictures import save

        panels = {f"{source.name} before": performed.before, **performed.after}
        save(piano_rolls(panels, markings=performed.markings), picture, replace=wanted.replace)
    report = plain(performed)
    print_json(report) if as_json else print_files([report])


def _perform_all(outputs: Mapping[Path, Mapping[str, Path]], wanted: "Wanted", *, as_json: bool) -> None:
    """Perform files one after the other; what was performed is reported even if the command is stopped."""
    from tunesmith.performing.files import make_folders, perform_file
    from tunesmith.performing.report import plain, print_files
    from tunesmith.progress_bar import Bar

    reports: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    try:
        with Bar() as bar:
            bar.start(len(outputs), "performing files")
            for source, files in outputs.items():
                try:
                    make_folders(files.values())
                    reports.append(plain(perform_file(source, files, wanted)))
                except BadInputError as error:
                    failed.append({"input": str(source), "reason": error_line(error)})
                    err.print(f"[red]error:[/] {escape(error_line(error))}", soft_wrap=True)
                bar.advance(1)
    finally:
        print_json({"files": reports, "failed": failed}) if as_json else print_files(reports)
    if failed:
        err.print(f"{len(failed)} of {counted(len(outputs), 'file')} could not be performed")
        raise typer.Exit(_BAD_FILES)
