"""``tunesmith listen score``: score the answers to a listening test."""

from pathlib import Path
from typing import Annotated

import typer

from data_prep.errors import BadInputError
from tunesmith.console import out, print_json
from tunesmith.options import AsJson, Force


def score(
    folder: Annotated[
        Path | None, typer.Argument(help="The folder of a test.", metavar="FOLDER", show_default=False)
    ] = None,
    answers: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Files that listeners sent back, beside the server's answers.",
            metavar="ANSWERS...",
            show_default=False,
        ),
    ] = None,
    example: Annotated[
        str | None,
        typer.Option(help="Score published counts instead; s2 is the survey of Malik and Ek (2017).", metavar="NAME"),
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="Draw the results into a file (.png, .svg or .pdf).", metavar="FILE")
    ] = None,
    force: Force = False,
    as_json: AsJson = False,
) -> None:
    """Score the answers to a listening test: how often the human was found, and whether versions are equivalent.

    A pair's answers are counted apart: human found, other chosen, cannot tell. The
    value counts "cannot tell" as half, so that 50 is chance. Its interval takes
    listeners and items as groups. Equivalence is tested with the margin that was
    fixed when the test was made.

    Examples:
        tunesmith listen score test/

        tunesmith listen score test/ answers-1f0c.jsonl answers-9e27.jsonl --picture results.png

        tunesmith listen score --example s2
    """
    from tunesmith.listening import report
    from tunesmith.reports.pictures import check_writable, save

    if (folder is None) == (example is None):
        rule = "score takes the folder of a test, or --example"
        raise BadInputError(rule, "got none" if folder is None else "got both")
    if picture is not None:
        check_writable(picture, replace=force)
    if example is not None:
        from tunesmith.listening.examples import example as published

        source, results = published(example)
    else:
        assert folder is not None
        from tunesmith.listening.answers import read
        from tunesmith.listening.design import load_key, load_test
        from tunesmith.listening.results import score as scored

        test = load_test(folder)
        source, results = "", scored(test, load_key(folder, test), read(test, folder, answers or []))
    if picture is not None:
        from tunesmith.listening.pictures import draw

        save(draw(results), picture, replace=force, dpi=150)
    if as_json:
        print_json({"source": source or str(folder), **report.as_data(results)})
        return
    if source:
        out.print(f"{source}\n", markup=False, soft_wrap=True)
    report.show(results)
