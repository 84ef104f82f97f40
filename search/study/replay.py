"""A journal read again at less cost: all that happened to a trial as one record, which Optuna applies at once.

Optuna copies a trial at every record of it. What is made here are records of its own kind, in its format for a trial
that is made whole; a journal with anything in it that one search does not write is left as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

_STUDY, _STUDY_ATTR, _STUDY_SYSTEM, _TRIAL, _PARAM, _STATE, _VALUE, _ATTR, _SYSTEM = 0, 2, 3, 4, 5, 6, 7, 8, 9
"""Optuna's numbers of operations; 1 is a study's deletion."""

_RUNNING, _FINISHED = 0, (1, 2, 3)
"""Optuna's numbers of states; 4 is WAITING."""

_Record: TypeAlias = dict[str, Any]


def folded(records: Sequence[_Record]) -> Sequence[_Record]:
    """Fold the records of each trial into the one that makes it.

    Args:
        records: All records of a journal, as they were written.

    Returns:
        Records that lead to the same studies and trials.
    """
    if len({record["study_name"] for record in records if record["op_code"] == _STUDY}) != 1:
        return records
    kept: list[_Record] = []
    trials: list[_Record] = []
    distributions: dict[str, str] = {}
    for record in records:
        operation = record["op_code"]
        if operation in (_STUDY, _STUDY_ATTR, _STUDY_SYSTEM):
            kept.append(record)
        elif operation == _TRIAL:
            trials.append(_whole(record))
            kept.append(trials[-1])
        elif operation in _CHANGES and 0 <= record["trial_id"] < len(trials):
            trial = trials[int(record["trial_id"])]
            if trial["state"] not in _FINISHED:  # Optuna, too, passes over what comes later
                _CHANGES[operation](trial, record)
        else:
            return records
        for name, one in _named(record):
            if distributions.setdefault(name, one) != one:  # Optuna passes over a setting with another range
                return records
    return kept


def _named(record: _Record) -> Sequence[tuple[str, str]]:
    if record["op_code"] == _PARAM:
        return [(record["param_name"], record["distribution"])]
    return list(record.get("distributions", {}).items())


def _whole(record: _Record) -> _Record:
    mappings = ("distributions", "params", "user_attrs", "system_attrs", "intermediate_values")
    copies = {name: dict(record.get(name, {})) for name in mappings}
    return {"state": _RUNNING, "value": None, "values": None, **record, **copies}


def _set_param(trial: _Record, record: _Record) -> None:
    trial["params"][record["param_name"]] = record["param_value_internal"]
    trial["distributions"][record["param_name"]] = record["distribution"]


def _set_state(trial: _Record, record: _Record) -> None:
    if record["state"] == trial["state"] == _RUNNING:
        return
    trial["state"] = record["state"]
    for moment in ("datetime_start", "datetime_complete"):
        trial[moment] = record.get(moment, trial.get(moment))
    if trial["datetime_complete"] is None:
        del trial["datetime_complete"]  # Optuna reads it where it is there
    if record["values"] is not None:
        trial["value"], trial["values"] = None, record["values"]


def _set_value(trial: _Record, record: _Record) -> None:
    trial["intermediate_values"][record["step"]] = record["intermediate_value"]


def _set_attribute(trial: _Record, record: _Record) -> None:
    trial["user_attrs"].update(record["user_attr"])


def _set_system_attribute(trial: _Record, record: _Record) -> None:
    trial["system_attrs"].update(record["system_attr"])


_CHANGES: Mapping[int, Any] = {
    _PARAM: _set_param,
    _STATE: _set_state,
    _VALUE: _set_value,
    _ATTR: _set_attribute,
    _SYSTEM: _set_system_attribute,
}
