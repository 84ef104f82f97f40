"""Checks of requests against the search that they change, by the process that asks and by the driver."""

from collections.abc import Mapping

from data_prep.errors import BadInputError, shown, unknown
from models.spec import Value
from search.control.requests import ChangeBudget
from search.spec.domains import Fixed
from search.spec.file import SearchSpec
from search.spec.sections import Budget
from search.spec.space import Space


def changed_budget(search: SearchSpec, request: ChangeBudget) -> Budget:
    """Return the budget that a request asks for.

    Args:
        search: The search.
        request: The request.

    Returns:
        The budget.

    Raises:
        BadInputError: If it is not legal, the sampler cannot propose that many trials, or they are too few to converge.
    """
    asked = {"trials": request.trials, "time": request.time, "stop": request.stop}
    try:
        wanted = Budget.model_validate({key: value for key, value in asked.items() if value is not None})
    except ValueError as error:
        raise BadInputError(
            "a budget must be legal", f"got {shown(asked)}", str(error).splitlines()[2].strip()
        ) from None
    given = {key: getattr(wanted, key) for key, value in asked.items() if value is not None}
    budget = search.budget.model_copy(update=given)
    budget.check_stop(search.data, f"the running search {search.name}")
    search.sampler.check(search.space, search.prior, budget.trials, f"the running search {search.name}")
    return budget


def checked_point(search: SearchSpec, values: Mapping[str, Value]) -> dict[str, Value]:
    """Return a point of a search's space as the trial will have it.

    Args:
        search: The search.
        values: Settings by name, not yet checked.

    Returns:
        The searched settings among them.

    Raises:
        BadInputError: If a setting is unknown, outside the space, or has no effect, or the sampler does not allow it.
    """
    space, where = search.space, "--add"
    if not values:
        raise BadInputError("a point has at least one setting", "got none", where)
    if search.sampler.kind == "points":
        raise BadInputError(
            'the sampler "points" tries only the points of the search file', f"that of {search.name} is one", where
        )
    known = space.spec_type.settings().keys() - {"epochs"}
    for name in values:
        if name not in known:
            raise unknown("setting", name, known, where)
    _check_conditions(space, values, where)
    for name, value in values.items():
        domain = space.domains[name]
        if value not in domain:
            rule = f"the search has {name} = {domain.to_toml()}"
            raise BadInputError(rule, f"got {shown(value)}", where, "choose a value that it contains")
    point = {name: _typed(space, name, value) for name, value in values.items() if name in space.searched}
    if not point:
        raise BadInputError("a point has at least one searched setting", f"all of {', '.join(values)} are fixed", where)
    return point


def _check_conditions(space: Space, values: Mapping[str, Value], where: str) -> None:
    """Raise BadInputError for a value that has no effect; a condition on a setting that is sampled may be met."""
    fixed = {name: domain.value for name, domain in space.domains.items() if isinstance(domain, Fixed)}
    certain = {**fixed, **values}
    for name in values:
        for other, allowed in space.spec_type.settings()[name].when.items():
            if other in certain and certain[other] not in allowed:
                needs = f"it needs {other} = {' or '.join(map(str, allowed))}"
                raise BadInputError(f"{name} = {shown(values[name])} changes nothing in this point", needs, where)


def _typed(space: Space, name: str, value: Value) -> Value:
    """Return a number as the setting's type."""
    kind = space.spec_type.settings()[name].kind
    if kind == "integer" and isinstance(value, int | float) and not isinstance(value, bool):
        return int(value)
    return float(value) if kind == "real" and isinstance(value, int | float) else value
