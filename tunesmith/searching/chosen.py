"""The search that a user names: a started search, a file or a built-in search, changed by options."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from search.spec.file import SearchSpec

_KEYS = {
    "name": ("name",),
    "corpus": ("data.corpus",),
    "repeats": ("data.repeats",),
    "seed": ("data.seed", "sampler.seed"),
    "trials": ("budget.trials",),
    "time": ("budget.time",),
    "stop": ("budget.stop",),
    "epochs": ("budget.epochs",),
    "slots": ("resources.slots",),
    "storage": ("storage.url",),
}


def overrides(options: Mapping[str, Any]) -> dict[str, object]:
    """Return the values of options of ``tunesmith search`` by the dotted keys of a search file.

    Args:
        options: Values by the name of the option; "settings" are values by hyperparameter.

    Returns:
        The values of the options that are given, which are neither None nor, for settings, empty.
    """
    values = {key: options[name] for name, keys in _KEYS.items() if options.get(name) is not None for key in keys}
    if named := options.get("warm_start"):
        values["warm_start.searches"] = [name for name in named if name]
    settings: Mapping[str, object] = options.get("settings") or {}
    return {**values, **{f"space.{key}": value for key, value in settings.items()}}


def chosen_search(what: str, home: Path, changes: Mapping[str, object]) -> "SearchSpec":
    """Return a search that was started before, or else the search in a file, or else a built-in search.

    Args:
        what: Name of a started search, a file, a family, or the name of another built-in search.
        home: The home folder.
        changes: Values from options, by the dotted keys of a search file.

    Returns:
        The search.

    Raises:
        BadInputError: If there is no such search, or it is invalid.
    """
    from models.families import FAMILIES
    from search.spec.built_in import further_searches
    from search.spec.file import load
    from search.study.database import folder, names
    from search.study.homes import no_search

    wanted = str(changes.get("name", what))
    started, built_in = names(home), [*FAMILIES, *further_searches()]
    if what not in started and not what.endswith(".toml") and not Path(what).is_file() and what not in built_in:
        raise no_search(home, what, [*started, *built_in], "search, search file or family")
    if what in started and wanted == what:
        return load(folder(home, what) / "search.toml", overrides={"name": what, **changes}, stored=True)
    return load(what, overrides=changes)
