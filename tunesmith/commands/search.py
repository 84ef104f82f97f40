"""``tunesmith search``: run a search."""

import sys
import time as clock
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_prep.wording import counted
from tunesmith.completion import what_to_search
from tunesmith.console import err, print_json
from tunesmith.home import home_folder
from tunesmith.options import Address, AsJson, CorpusName, Home, SearchRepeats, Settings, read_settings
from tunesmith.program import command
from tunesmith.searching.chosen import chosen_search, overrides
from tunesmith.searching.requests import change_budget

if TYPE_CHECKING:
    from search.driver.search_run import SearchResult
    from search.spec.file import SearchSpec
    from tunesmith.run_search import SearchData

_OF_FILE = "as in the search file"


def search(
    what: Annotated[
        str,
        typer.Argument(
            help="A built-in search, a search file, or the name of a search to resume.",
            metavar="WHAT",
            autocompletion=what_to_search,
        ),
    ],
    name: Annotated[str | None, typer.Option(help="Name of the search.", show_default=_OF_FILE)] = None,
    corpus: CorpusName = None,
    repeats: SearchRepeats = None,
    trials: Annotated[int | None, typer.Option(help="Number of trials.", min=1, show_default=_OF_FILE)] = None,
    time: Annotated[
        str | None,
        typer.Option(help='Time limit of the whole search, e.g. 4m30s, 2h or "none".', show_default=_OF_FILE),
    ] = None,
    stop: Annotated[
        str | None,
        typer.Option(
            help='When to end: "budget", or also when "converged", with little further gain to be expected.',
            show_default=_OF_FILE,
            metavar="budget|converged",
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Maximum number of epochs of a trial.", min=1, show_default=_OF_FILE)
    ] = None,
    settings: Settings = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of the folds, the trials and the sampler.", min=0, show_default=_OF_FILE),
    ] = None,
    slots: Annotated[
        int | None, typer.Option(help="Maximum number of concurrent trials.", min=1, show_default="as many as fit")
    ] = None,
    address: Address = None,
    storage: Annotated[
        str | None,
        typer.Option(
            help="Where trials save checkpoints: a folder that all machines share, s3://bucket/prefix or "
            'gs://bucket/prefix; "" is the home folder.',
            show_default="the home folder",
            metavar="DIR|URL",
        ),
    ] = None,
    warm_start: Annotated[
        list[str] | None,
        typer.Option(
            help='A search in the home folder whose best settings are tried first; can be repeated. "" is none.',
            show_default=_OF_FILE,
            metavar="SEARCH",
        ),
    ] = None,
    print_file: Annotated[
        bool, typer.Option("--print", help="Print the complete search file, and do not run the search.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would run, for how long and where, and do not run it.")
    ] = False,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Search for the best model. Press Ctrl-C to stop cleanly; run the same command to resume.

    While a search runs, the same command with only --trials, --time or --stop in
    another terminal changes its budget.

    Examples:
        tunesmith search composer

        tunesmith search composer --corpus my-tunes/ --name mine --time 2h

        tunesmith search stylenet --corpus performances/

        tunesmith search composer --corpus ryans --name second --warm-start composer

        tunesmith search my-search.toml --dry-run

        tunesmith search mine --trials 200

        tunesmith search mine --time none --trials 1000 --stop converged

        tunesmith search mine --address 10.0.0.5:6379
    """
    began = clock.monotonic()
    folder = home_folder(home, make=False)
    options: dict[str, object] = {
        "name": name,
        "corpus": corpus,
        "repeats": repeats,
        "seed": seed,
        "trials": trials,
        "time": time,
        "stop": stop,
        "epochs": epochs,
        "slots": slots,
        "storage": storage,
        "warm_start": warm_start,
        "settings": read_settings(settings or ()),
    }
    spec = chosen_search(what, folder, overrides(options))
    if print_file:
        sys.stdout.write(spec.to_toml())
        return
    if not dry_run:
        home_folder(home)
        if change_budget(spec, folder, options, as_json=as_json):
            return
    from tunesmith.running.whole_search import search_data

    with _stoppable():
        data = search_data(spec, folder, is_plan=dry_run)
    if dry_run:
        from tunesmith.searching.dry_run import plan, print_plan

        planned = plan(spec, folder, data.prepared, data.taken)
        print_json(planned) if as_json else print_plan(planned)
        return
    with _stoppable():
        _run(spec, data, folder, address, began, as_json=as_json)


@contextmanager
def _stoppable() -> Generator[None]:
    """Print how to resume after Ctrl-C; a search with running trials handles Ctrl-C itself."""
    try:
        yield
    except KeyboardInterrupt:
        err.print("stopped; nothing recorded is lost: run the same command to resume")
        raise typer.Exit(130) from None


def _run(
    spec: "SearchSpec",
    data: "SearchData",
    home: Path,
    address: str | None,
    began: float,
    *,
    as_json: bool,
) -> None:
    from tunesmith.running.whole_search import stopped_line, whole_run

    def print_end(spec: "SearchSpec", result: "SearchResult") -> None:
        for message in result.messages:
            err.print(message, markup=False)
        if result.reason == "interrupted":
            err.print(f"{stopped_line(spec, result)}. To resume:")
            options = ("--address", address) if address else ()
            err.print(f"  {command('search', spec.name, *options)}", markup=False, soft_wrap=True)
        elif not result.ran:
            _print_finished(spec, result)

    done = whole_run(spec, home, address, data, began=began, ended=print_end)
    if done.result.reason == "interrupted":
        raise typer.Exit(130)
    if done.without_baselines:
        reason = f"the baselines were not scored: {done.without_baselines}. To score them:"
        err.print(reason, markup=False, soft_wrap=True)
        err.print(f"  {command('search', spec.name)}", markup=False, soft_wrap=True)
    from tunesmith.reports.search_result import as_data, print_result  # imports Ray, which starts faster by itself
    from tunesmith.results.keeping import keep_result

    if as_json:
        print_json(as_data(done.spec, done.family, done.result, done.baselines, home))
    else:
        print_result(done.spec, done.family, done.result, done.baselines)
    report = keep_result(done, data.prepared, home)
    if report is not None and not as_json:
        shown = report.relative_to(Path.cwd()) if report.is_relative_to(Path.cwd()) else report
        err.print(f"report: {shown}", markup=False, soft_wrap=True)
    if done.interrupted:
        raise typer.Exit(130)


def _print_finished(spec: "SearchSpec", outcome: "SearchResult") -> None:
    from search.spec.sections import write_duration

    budget = counted(spec.budget.trials, "trial") if outcome.reason == "trials" else write_duration(spec.budget.time)
    why, more = f"its budget of {budget} is used up. To raise it", ("--trials", str(2 * spec.budget.trials))
    if outcome.reason == "converged":
        why, more = "it has converged. To use up its budget", ("--stop", "budget")
    lines = (
        f"{spec.name} is finished: {why}, or to start another search:",
        f"  {command('search', spec.name, *more, '--time', 'none')}",
        f"  {command('search', spec.family, '--name', 'another')}",
    )
    for line in lines:
        err.print(line, markup=False, soft_wrap=True)
