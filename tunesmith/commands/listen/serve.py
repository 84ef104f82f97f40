"""``tunesmith listen serve``: the page of a listening test."""

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from tunesmith.console import err, out
from tunesmith.program import command


def serve(
    folder: Annotated[Path, typer.Argument(help="The folder of a test.", metavar="FOLDER")],
    port: Annotated[int, typer.Option(help="Port on this machine.", min=1, max=65535)] = 8420,
    export: Annotated[
        Path | None,
        typer.Option(
            help="Write the page as files to a new folder instead, for listeners elsewhere: they open index.html, and "
            "send back the file that it saves.",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Serve a listening test on this machine until Ctrl-C, or export it as files.

    Answers are appended to answers.jsonl in the folder. A listener can reload the
    page or come back later. The page never has the key.

    Examples:
        tunesmith listen serve test/

        tunesmith listen serve test/ --export page/
    """
    from tunesmith.listening.design import load_test

    test = load_test(folder)
    if export is not None:
        from tunesmith.listening.pages import export as write

        write(test, folder, export)
        out.print(f"{export / 'index.html'}: send the whole folder to listeners", markup=False, soft_wrap=True)
        scoring = command("listen", "score", str(folder))
        out.print(f"score what they send back with: {scoring} answers-*.jsonl", markup=False, soft_wrap=True)
        return
    from tunesmith.listening.server import serve as run

    with suppress(KeyboardInterrupt):
        run(test, folder, port, lambda line: err.print(line, markup=False, soft_wrap=True))
