"""``tunesmith perform``: dynamics for flat MIDI, from a trained model."""

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
from tunesmith.console import beware, out, print_json
from tunesmith.home import home_folder
from tunesmith.options import AsJson, Force, Home, Tracking

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance
    from models.uses.offers import PerformingModel

_ALL = "all"


def perform(
    midi: Annotated[
        Path, typer.Argument(help="The MIDI file; its piano's notes get new velocities.", metavar="IN.mid")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write; beside the input unless said.", metavar="OUT.mid"),
    ] = None,
    trial: Annotated[
        str | None,
        typer.Option(
            help="A search's trial that finished its full budget, or a search for its best.",
            show_default="the champion, else stylenet",
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="A registered model instead, as stylenet@champion, or a file.", metavar="MODEL|FILE"),
    ] = None,
    tracking: Tracking = None,
    genre: Annotated[str | None, typer.Option(help="A style of the model, or 'all' for a file in each.")] = None,
    mix: Annotated[str | None, typer.Option(help="Shares of several styles.", metavar="classical=0.3,jazz=0.7")] = None,
    amount: Annotated[
        float, typer.Option(help="How far from the piece's mean: 0 flat, 1 as predicted, 2 twice as bold; up to 100.")
    ] = 1.0,
    flat: Annotated[bool, typer.Option("--flat", help="Every note at velocity 64, without a model.")] = False,
    at_random: Annotated[bool, typer.Option("--random", help="Random velocities, without a model.")] = False,
    seed: Annotated[int, typer.Option(help="Seed of --random.", min=0)] = 0,
    picture: Annotated[Path | None, typer.Option(help="Draw the notes before and after.", metavar="ROLL.png")] = None,
    force: Force = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Give a MIDI file's piano its dynamics. Only velocities change: every other byte stays as it is.

    Examples:
        tunesmith perform tune.mid --trial stylenet/7 --genre jazz --out jazz.mid

        tunesmith perform tune.mid --genre all --amount 0.8

        tunesmith perform tune.mid --model stylenet@champion --mix classical=0.3,jazz=0.7
    """
    from models.uses import performing
    from tunesmith.reports.pictures import check_place, save

    if sum((genre is not None, mix is not None, flat, at_random)) > 1:
        raise BadInputError("a performance is one of --genre, --mix, --flat and --random: give one of them")
    performing.check_amount(amount)
    if picture is not None:
        check_place(picture, replace=force)
    data = _read(midi)
    with _named(midi):
        performance = performing.played(data)
    performer = None if flat or at_random else _performer(model, trial, home, tracking)
    asked = {"flat" if flat else "random": ""} if performer is None else _asked(performer, genre, mix)
    files = _places(midi, output, list(asked), every=genre == _ALL)
    user_files.check_new(files.values(), replace=force)
    if performer is None:
        found = performing.flat(performance) if flat else performing.at_random(performance, seed)
        velocities = dict.fromkeys(asked, found)
    else:
        _listen(midi, data, performance, performer)
        velocities = {
            name: performing.scaled(performer.velocities(performance, style), amount) for name, style in asked.items()
        }
    performed = {name: performing.replace_velocities(data, performance, one) for name, one in velocities.items()}
    for name, path in files.items():
        _write(path, performed[name], replace=force)
    after = {name: performing.played(one) for name, one in performed.items()}
    if picture is not None:
        from models.uses.rolls import piano_rolls

        save(piano_rolls({f"{midi.name} as it was": performance, **after}), picture, replace=force)
    rows = [
        _row(name, path, performing.num_changed(data, performed[name]), after[name]) for name, path in files.items()
    ]
    print_json({"input": str(midi), "notes": performance.num_notes, "performances": rows}) if as_json else _print(rows)


@contextmanager
def _named(midi: Path) -> Generator[None]:
    """Put the file's name before what is wrong with it."""
    try:
        yield
    except BadInputError as error:
        raise BadInputError(f"{midi}: {error}") from None


def _listen(midi: Path, data: bytes, performance: "Performance", performer: "PerformingModel") -> None:
    """Refuse a piece that is too long for a model, and tell what the model may take wrongly."""
    from models.uses import performing

    with _named(midi):
        performer.check_length(performance)
    for doubt in performing.doubts(data):
        beware(f"{midi}: {doubt}; the model takes its ticks for beats, four to a bar")


def _performer(model: str | None, trial: str | None, home: Path | None, tracking: str | None) -> "PerformingModel":
    from models.families import family_of, offering
    from models.uses.offers import PerformingFamily
    from tunesmith.names.models import named_model

    families = offering(PerformingFamily)
    path = named_model(model, trial, list(families), home_folder(home), tracking).path
    return families[family_of(path, families).name].performing_model(path)


def _asked(performer: "PerformingModel", genre: str | None, mix: str | None) -> Mapping[str, Any]:
    from models.uses.styles import parse_mix

    if mix is not None:
        return {"mix": parse_mix(mix)}
    if genre == _ALL:
        return {style: style for style in performer.styles}
    if genre is not None:
        return {genre: genre}
    first, *others = performer.styles
    if others:
        raise BadInputError(f"say which style with --genre: {', '.join(performer.styles)} or all; or give a --mix")
    return {first: first}


def _places(midi: Path, output: Path | None, names: list[str], *, every: bool) -> dict[str, Path]:
    """Name each performance's file: OUT.mid, or OUT-STYLE.mid where there is one of each style."""
    base = output or midi
    if output is not None and not every:
        return dict.fromkeys(names, output)
    return {name: base.with_name(f"{base.stem}-{name}{base.suffix}") for name in names}


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError(f"the MIDI file must be readable: {path} ({reason})") from None


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    try:
        user_files.write(path, data, replace=replace)
    except OSError as error:
        raise BadInputError(
            f"the performance must be writable: {path} ({error.strerror}); name another place with --out"
        ) from None


def _row(name: str, path: Path, changed: int, performed: "Performance") -> dict[str, Any]:
    """Say what is in a performance's file, of the notes that a piano has keys for."""
    from data_prep.pitches import has_key

    found = performed.velocity[has_key(performed.pitch)]
    return {
        "style": name,
        "output": str(path),
        "changed": changed,
        "mean": round(float(found.mean()), 1),
        "spread": round(float(found.std()), 1),
        "softest": int(found.min()),
        "loudest": int(found.max()),
    }


def _print(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        out.print(
            f"[bold]{escape(row['output'])}[/]  {escape(row['style'])}: {counted(row['changed'], 'velocity')} changed; "
            f"now {row['softest']} to {row['loudest']}, mean {row['mean']:.0f}, spread {row['spread']:.0f}",
            soft_wrap=True,
        )
