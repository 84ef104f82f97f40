"""``tunesmith.search`` and ``tunesmith.load_search``: searches in Python."""

import time as clock
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from data_prep.wording import counted
from tunesmith.python.loaded_search import LoadedSearch
from tunesmith.python.public import as_path, public

if TYPE_CHECKING:
    from search.driver.search_run import SearchResult
    from search.spec.file import SearchSpec


@public
def load_search(name: str, home: str | Path | None = None) -> LoadedSearch:
    """Return a search that was started, to look at its results; it may still be running.

    Args:
        name: The search's name.
        home: The home folder; None is TUNESMITH_HOME, or else ./runs.

    Returns:
        The search. Each of its methods and attributes reads the study again.

    Raises:
        BadInputError: If there is no such search, or its study is damaged or cannot be reached.
    """
    from search.study.database import read_search
    from tunesmith.home import home_folder

    folder = home_folder(as_path(home), make=False)
    read_search(folder, name)
    return LoadedSearch(name, folder)


@public
def search(
    what: str | Path | None = None,
    *,
    name: str | None = None,
    corpus: str | Path | None = None,
    repeats: str | None = None,
    trials: int | None = None,
    time: str | None = None,
    stop: str | None = None,
    epochs: int | None = None,
    settings: Mapping[str, object] | None = None,
    seed: int | None = None,
    slots: int | None = None,
    address: str | None = None,
    storage: str | None = None,
    warm_start: str | Sequence[str] | None = None,
    home: str | Path | None = None,
    progress: bool = False,
) -> LoadedSearch:
    """Run or resume a search, like the command ``tunesmith search``.

    An interrupt (Ctrl-C, or that of a notebook) stops the search and raises KeyboardInterrupt. Nothing that is recorded
    is lost, and the same call resumes the search. A finished search is returned at once. If another process runs the
    search, only ``trials``, ``time`` and ``stop`` can be given, which change its budget.

    Args:
        what: A built-in search, a search file, or the name of a search to resume; None is the composer's built-in
            search. The other arguments take precedence over the file.
        name: Name of the search.
        corpus: A named corpus or a folder of scores.
        repeats: Read repeats as "written" or as "played".
        trials: Number of trials.
        time: Time limit of the whole search, such as "4m30s", "2h" or "none".
        stop: "budget", or "converged" to end also when little further gain is to be expected.
        epochs: Maximum number of epochs of a trial.
        settings: The space, by hyperparameter: a value, a list of values, or a range as in
            ``{"low": 64, "high": 256, "log": True}``. Other hyperparameters are searched as in ``what``.
        seed: Seed of the folds, the trials and the sampler.
        slots: Maximum number of concurrent trials.
        address: Address of a Ray cluster's head; None is a local Ray.
        storage: Where trials save checkpoints, if not in the home folder.
        warm_start: Searches in the home folder whose best settings are tried first.
        home: The home folder; None is TUNESMITH_HOME, or else ./runs.
        progress: Whether to show the progress as one line on standard error.

    Returns:
        The search.

    Raises:
        BadInputError: If an argument is not legal, or the search cannot start.
        KeyboardInterrupt: If it was interrupted.
    """
    began = clock.monotonic()
    from tunesmith.home import home_folder
    from tunesmith.searching.chosen import chosen_search, overrides
    from tunesmith.searching.requests import change_budget

    options: dict[str, object] = {
        "name": name,
        "corpus": None if corpus is None else str(corpus),
        "repeats": repeats,
        "seed": seed,
        "trials": trials,
        "time": time,
        "stop": stop,
        "epochs": epochs,
        "slots": slots,
        "storage": storage,
        "warm_start": [warm_start] if isinstance(warm_start, str) else warm_start,
        "settings": {key: _domain(value) for key, value in (settings or {}).items()},
    }
    folder = home_folder(as_path(home))
    spec = chosen_search(_named(what), folder, overrides(options))
    if not change_budget(spec, folder, options, as_json=False):
        _run(spec, folder, address, began, progress=progress)
    return LoadedSearch(spec.name, folder)


def _named(what: str | Path | None) -> str:
    from models.families import default_family

    return default_family().name if what is None else str(what)


def _domain(value: object) -> object:
    """Return a hyperparameter's values in the types of a search file."""
    return [*cast("Iterable[object]", value)] if isinstance(value, tuple | range) else value


def _run(spec: "SearchSpec", home: Path, address: str | None, began: float, *, progress: bool) -> None:
    from tunesmith.console import log
    from tunesmith.python.progress import LoggedMessages, ProgressLine, write_line
    from tunesmith.results.keeping import keep_result
    from tunesmith.running.whole_search import search_data, whole_run

    def ended(spec: "SearchSpec", result: "SearchResult") -> None:
        for message in result.messages:
            log(message)
        if result.reason == "interrupted":
            done = sum(trial.is_final for trial in result.trials)
            of = counted(spec.budget.trials, "trial")
            raise KeyboardInterrupt(f"stopped after {done} of {of}; nothing recorded is lost, the same call resumes")

    if progress:
        write_line(f"{spec.name}: reading {spec.data.corpus} ...")
    data, display = search_data(spec, home, is_plan=False), ProgressLine if progress else LoggedMessages
    done = whole_run(spec, home, address, data, began=began, display=display, ended=ended)
    keep_result(done, data.prepared, home)
    if done.interrupted:
        raise KeyboardInterrupt("the trials have ended; the same call scores the baselines")
    if done.without_baselines:
        log(f"the baselines were not scored ({done.without_baselines}); the same call scores them")
