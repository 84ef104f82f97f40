"""``tunesmith search``: run a search."""

import sys
import time as clock
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_prep.wording import counted
from tunesmith.console import err, print_json, warn
from tunesmith.home import home_folder
from tunesmith.options import Address, AsJson, CorpusName, Home, SearchRepeats, Settings
from tunesmith.program import command
from tunesmith.searching.chosen import chosen_search, overrides
from tunesmith.searching.requests import change_budget
from tunesmith.searching.warm_start import points_taken

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared
    from search.driver.search_run import SearchResult
    from search.spec.file import SearchSpec
    from search.study.records import TakenPoints

_OVERTIME = 0.05
"""Time to wait for baselines after the search's time limit, as a fraction of the limit."""

_OF_FILE = "as in the search file"


def search(
    what: Annotated[
        str,
        typer.Argument(help="A built-in search, a search file, or the name of a search to resume.", metavar="WHAT"),
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
        "settings": settings,
    }
    spec = chosen_search(what, folder, overrides(options))
    if print_file:
        sys.stdout.write(spec.to_toml())
        return
    if not dry_run:
        home_folder(home)
        if change_budget(spec, folder, options, as_json=as_json):
            return
    from models.families import family as find_family
    from tunesmith.searching.data import prepared_data

    with _stoppable():
        taken = points_taken(spec, folder, is_plan=dry_run)
        prepared = prepared_data(spec)
    for remark in find_family(spec.family).remarks(spec.space.domains, prepared.data):
        warn(remark)
    if dry_run:
        from tunesmith.searching.dry_run import plan, print_plan

        planned = plan(spec, folder, prepared, taken)
        print_json(planned) if as_json else print_plan(planned)
        return
    with _stoppable():
        _run(spec, prepared, folder, address, began, taken, as_json=as_json)


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
    prepared: "Prepared",
    home: Path,
    address: str | None,
    began: float,
    taken: "TakenPoints | None",
    *,
    as_json: bool,
) -> None:
    from models.families import family as find_family
    from tunesmith.run_search import run_search
    from tunesmith.searching.baseline_scoring import Scoring

    family = find_family(spec.family)
    with Scoring(family.name, prepared) as scoring:
        outcome = run_search(
            spec, home, family, prepared, address, began=began, later=lambda: scoring.seconds_left, taken=taken
        )
        spec = spec.model_copy(update={"budget": outcome.budget})
        for message in outcome.messages:
            err.print(message, markup=False)
        if outcome.reason == "interrupted":
            _print_how_to_resume(spec, outcome, address)
            raise typer.Exit(130)
        if not outcome.ran:
            _print_finished(spec, outcome)
        baselines = scoring.wait(_end_of_time(spec, outcome))
    if baselines is None:
        err.print(f"the baselines were not scored: {scoring.reason}. To score them:", markup=False, soft_wrap=True)
        err.print(f"  {command('search', spec.name)}", markup=False, soft_wrap=True)
    from tunesmith.reports.search_result import as_data, print_result  # imports Ray, which starts faster by itself
    from tunesmith.tracked.result import log_result

    if as_json:
        print_json(as_data(spec, family, outcome, baselines, home))
    else:
        print_result(spec, family, outcome, baselines)
    log_result(spec, outcome, baselines or (), prepared, home)
    if scoring.interrupted:
        raise typer.Exit(130)


def _end_of_time(spec: "SearchSpec", outcome: "SearchResult") -> float | None:
    """Return when to stop waiting for baselines, by ``time.monotonic``; None without a limit, or if nothing ran."""
    if spec.budget.time is None or not outcome.ran:
        return None
    return clock.monotonic() + (1 + _OVERTIME) * spec.budget.time - outcome.seconds


def _print_how_to_resume(spec: "SearchSpec", outcome: "SearchResult", address: str | None) -> None:
    done = sum(trial.is_final for trial in outcome.trials)
    options = ("--address", address) if address else ()
    err.print(f"stopped after {done} of {counted(spec.budget.trials, 'trial')}; nothing recorded is lost. To resume:")
    err.print(f"  {command('search', spec.name, *options)}", markup=False, soft_wrap=True)


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
