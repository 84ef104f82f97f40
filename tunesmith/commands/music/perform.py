"""``tunesmith perform``: set the velocities in MIDI files with a trained StyleNet."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from data_prep.errors import BadInputError
from data_prep.limits import read_bytes
from data_prep.storage import user_files
from data_prep.wording import counted
from tunesmith.console import out, print_json, warn
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Force, Home, Tracking

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance
    from models.uses.offers import PerformingModel

_ALL = "all"


def perform(
    midi: Annotated[Path, typer.Argument(help="A MIDI file with a piano.", metavar="IN.mid")],
    output: Annotated[
        Path | None,
        typer.Option("--out", help="Output file.", show_default="IN-STYLE.mid", metavar="OUT.mid"),
    ] = None,
    trial: Annotated[
        str | None,
        typer.Option(
            help="A trial with its full budget, e.g. stylenet/7; or a search, whose best trial is used.",
            show_default="the champion, else the best trial of stylenet",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            help="A registered model, e.g. stylenet@champion, or a file, instead of --trial.", metavar="MODEL|FILE"
        ),
    ] = None,
    tracking: Tracking = None,
    genre: Annotated[str | None, typer.Option(help="A style of the model, or 'all' for a file in each style.")] = None,
    mix: Annotated[str | None, typer.Option(help="A mix of styles.", metavar="classical=0.3,jazz=0.7")] = None,
    amount: Annotated[
        float, typer.Option(help="Strength of the dynamics: 0 is flat, 1 as predicted, 2 twice as strong; at most 100.")
    ] = 1.0,
    flat: Annotated[bool, typer.Option("--flat", help="Set all velocities to 64 without a model.")] = False,
    at_random: Annotated[bool, typer.Option("--random", help="Set random velocities without a model.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of --random.", min=0)] = 0,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the notes before and after the change into a file.", metavar="ROLL.png")
    ] = None,
    force: Force = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Set the velocities of the piano in a MIDI file, without changing any other byte.

    Examples:
        tunesmith perform tune.mid --trial stylenet/7 --genre jazz --out jazz.mid

        tunesmith perform tune.mid --genre all --amount 0.8

        tunesmith perform tune.mid --model stylenet@champion --mix classical=0.3,jazz=0.7
    """
    from models.uses import performing
    from tunesmith.reports.pictures import check_writable, save

    if sum((genre is not None, mix is not None, flat, at_random)) > 1:
        raise BadInputError("a performance takes one of --genre, --mix, --flat and --random", "got several")
    performing.check_amount(amount)
    if picture is not None:
        check_writable(picture, replace=force)
    data = _read(midi)
    with _named(midi):
        performance = performing.played(data)
    performer = None if flat or at_random else _performer(model, trial, home, tracking)
    styles = {"flat" if flat else "random": ""} if performer is None else _requested(performer, genre, mix)
    files = _outputs(midi, output, list(styles), every=genre == _ALL)
    user_files.check_new(files.values(), replace=force)
    if performer is None:
        made = performing.flat(performance) if flat else performing.at_random(performance, seed)
        velocities = dict.fromkeys(styles, made)
    else:
        _check_piece(midi, data, performance, performer)
        velocities = {
            name: performing.scaled(performer.velocities(performance, style), amount) for name, style in styles.items()
        }
    performed = {name: performing.replace_velocities(data, performance, new) for name, new in velocities.items()}
    for name, path in files.items():
        _write(path, performed[name], replace=force)
    after = {name: performing.played(content) for name, content in performed.items()}
    if picture is not None:
        from models.uses.rolls import piano_rolls

        save(piano_rolls({f"{midi.name} before": performance, **after}), picture, replace=force)
    rows = [
        _row(name, path, performing.num_changed(data, performed[name]), after[name]) for name, path in files.items()
    ]
    print_json({"input": str(midi), "notes": performance.num_notes, "performances": rows}) if as_json else _print(rows)


@contextmanager
def _named(midi: Path) -> Generator[None]:
    """Add the name of the file to errors."""
    try:
        yield
    except BadInputError as error:
        where = f"{midi}, {error.where}" if error.where else str(midi)
        raise BadInputError(error.rule, error.value, where, error.remedy, error.action) from None


def _check_piece(midi: Path, data: bytes, performance: "Performance", performer: "PerformingModel") -> None:
    """Check that a piece is not too long for a model, and warn of content that the model may misread."""
    from models.uses import performing

    with _named(midi):
        performer.check_length(performance)
    for doubt in performing.doubts(data):
        warn(f"{midi}: {doubt}; the model assumes four beats per bar, counted in the file's ticks")


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


def _outputs(midi: Path, output: Path | None, names: list[str], *, every: bool) -> dict[str, Path]:
    """Return the file of each performance: OUT.mid, or OUT-STYLE.mid if there is one for every style."""
    base = output or midi
    if output is not None and not every:
        return dict.fromkeys(names, output)
    return {name: base.with_name(f"{base.stem}-{name}{base.suffix}") for name in names}


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError("the MIDI file must be readable", f"{path} is not ({reason})") from None


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    try:
        user_files.write(path, data, replace=replace)
    except OSError as error:
        value = f"{path} is not ({error.strerror})"
        raise BadInputError("the performance must be writable", value, remedy="name another file with --out") from None


def _row(name: str, path: Path, changed: int, performed: "Performance") -> dict[str, Any]:
    """Return statistics of the velocities in a performance, for notes in the range of a piano."""
    from data_prep.pitches import has_key

    velocities = performed.velocity[has_key(performed.pitch)]
    return {
        "style": name,
        "output": str(path),
        "changed": changed,
        "mean": round(float(velocities.mean()), 1),
        "spread": round(float(velocities.std()), 1),
        "softest": int(velocities.min()),
        "loudest": int(velocities.max()),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        out.print(
            f"[bold]{escape(row['output'])}[/]  {escape(row['style'])}: {counted(row['changed'], 'velocity')} changed; "
            f"now {row['softest']} to {row['loudest']}, mean {row['mean']:.0f}, spread {row['spread']:.0f}",
            soft_wrap=True,
        )
