"""``tunesmith studio``: a web page to make music with trained models."""

import os
import sys
from contextlib import suppress
from functools import partial
from typing import Annotated

import typer

from tunesmith import console
from tunesmith.completion import search_names
from tunesmith.console import err
from tunesmith.home import home_folder
from tunesmith.options import Home, Tracking


def studio(
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 5001,
    trial: Annotated[
        list[str] | None,
        typer.Option(
            help="A trial with its full budget, e.g. composer/7; or a search, whose best trial is used. Can be given "
            "for a model that composes and one that performs.",
            show_default="the champions, else the best trials of composer and stylenet",
            autocompletion=search_names,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            help="A registered model, e.g. composer@champion, or a file, instead of --trial.", metavar="MODEL|FILE"
        ),
    ] = None,
    tracking: Tracking = None,
    open_page: Annotated[
        bool | None,
        typer.Option(
            "--open/--no-open", help="Open the page in the browser.", show_default="--open in a terminal with a display"
        ),
    ] = None,
    home: Home = None,
) -> None:
    """Open a web page to compose and perform with trained models. Press Ctrl-C to stop.

    Compose tunes, hear and see them, keep bars and compose the others again,
    continue and vary them; drop a MIDI file on the page and hear it in each style
    of a StyleNet. The page is reachable only from this machine. Favourites are
    stored in the home folder.

    Examples:
        tunesmith studio

        tunesmith studio --model composer@champion --trial stylenet/7 --port 5002
    """
    from tunesmith.serving.addresses import check_address
    from tunesmith.serving.running import HOST, interrupted_by_signals, run

    check_address(HOST, port)
    folder = home_folder(home)
    with suppress(KeyboardInterrupt), interrupted_by_signals():
        with err.status("loading the models ..."):
            from tunesmith.studio.favourites import Favourites
            from tunesmith.studio.loaded import load
            from tunesmith.studio.site import Site

            site = Site(load(model or [], trial or [], folder, tracking), Favourites(folder))
        site.warm_up()
        run(site.routes(), port, partial(_show, wanted=_has_window() if open_page is None else open_page))


def _show(url: str, *, wanted: bool) -> None:
    err.print(f"{url} (press Ctrl-C to stop)", markup=False, soft_wrap=True)
    if wanted:
        console.open_page(url)


def _has_window() -> bool:
    """Return whether a browser would open in a window, instead of in the terminal or not at all."""
    has_display = sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
    return sys.stderr.isatty() and has_display
