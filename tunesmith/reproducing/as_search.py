"""An experiment as a search: each row is a point, trained to the end once for each seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from models.experiments import Experiment, Row
from models.family import Family
from models.spec import Spec, Value
from search.spec.domains import toml_value
from search.spec.file import parse
from search.spec.whole_search import SearchSpec
from tunesmith.reproducing.search_names import search_name


@dataclass(frozen=True)
class RunOptions:
    """How an experiment is run.

    Attributes:
        corpus: The corpus; the experiment's if empty.
        repeats: How repeats are read; the experiment's if empty.
        seeds: Trials of each row.
        epochs: Epochs of each trial; the experiment's if None.
        folds: The folds, as in a search file; four if None.
        name: The search's name; made from experiment and corpus if empty.
        slots: Most parallel trials; 0 for as many as fit.
    """

    corpus: str = ""
    repeats: str = ""
    seeds: int = 1
    epochs: int | None = None
    folds: int | str | None = None
    name: str = ""
    slots: int = 0


def search_of(experiment: Experiment, family: Family[Any, Any], options: RunOptions) -> SearchSpec:
    """Return the search that trains every row of an experiment ``options.seeds`` times.

    Args:
        experiment: The experiment.
        family: Its family.
        options: How to run it.

    Returns:
        The search: trial n has row n modulo the number of rows, so that more seeds extend a finished search.

    Raises:
        BadInputError: If an option is not legal, or there is no such corpus.
    """
    text = "\n".join(_lines(experiment, family))
    corpus, repeats = options.corpus or experiment.default_corpus, options.repeats or experiment.repeats
    epochs = options.epochs or experiment.epochs
    overrides: dict[str, object] = {
        "name": options.name or search_name(experiment, corpus, repeats, epochs, options.folds),
        "data.corpus": corpus,
        "data.repeats": repeats,
        "budget.trials": options.seeds * len(experiment.rows),
        "budget.epochs": epochs,
        "resources.slots": options.slots,
        **({"data.folds": options.folds} if options.folds else {}),
    }
    return parse(text, f"the experiment {experiment.name}", overrides=overrides, family=family)


def _lines(experiment: Experiment, family: Family[Any, Any]) -> Iterator[str]:
    yield f"family = {toml_value(family.name)}"
    yield '[budget]\ntime = "none"'
    yield '[scheduler]\nkind = "none"'
    yield '[sampler]\nkind = "points"'
    yield f"[storage]\nsnapshots = {list(experiment.snapshots)}"
    yield "[space]\nonly = true"
    rows = [row_values(family.spec_type, row) for row in experiment.rows]
    domains: dict[str, list[Value]] = {}
    for values in rows:
        for name, value in values.items():
            if value not in domains.setdefault(name, []):
                domains[name].append(value)
    for name, values in domains.items():
        yield f"{name} = {_domain(values)}"
    for values in rows:
        yield "[[prior]]"
        yield from (f"{name} = {toml_value(value)}" for name, value in values.items() if len(domains[name]) > 1)


def _domain(values: list[Value]) -> str:
    return toml_value(values[0]) if len(values) == 1 else f"[{', '.join(map(toml_value, values))}]"


def row_values(spec_type: type[Spec], row: Row) -> Mapping[str, Value]:
    """Return all settings that matter in a row, without the number of epochs."""
    values: dict[str, Value] = spec_type.from_values(row.values, row.name).model_dump()
    return {name: value for name, value in values.items() if name != "epochs" and spec_type.matters(name, values)}
