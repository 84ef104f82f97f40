"""A complete, checked search, and its search file with comments."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import ConfigDict

from data_prep.errors import BadInputError, shown
from models.spec import Setting, Value
from search.passwords import without_password
from search.spec.confirmation_section import Confirmation
from search.spec.domains import toml_value
from search.spec.notify_section import Notify
from search.spec.sampler_section import SAMPLERS, Sampler, Tpe
from search.spec.scheduler_section import SCHEDULERS, Asha, Scheduler
from search.spec.sections import Budget, Data, Resources, Section, Storage, StudyPlace, TrackingPlace, write_duration
from search.spec.space import Space
from search.spec.warm_start_section import WarmStart

SECTIONS: Mapping[str, tuple[type[Section], ...]] = {
    "data": (Data,),
    "budget": (Budget,),
    "scheduler": SCHEDULERS,
    "sampler": SAMPLERS,
    "confirmation": (Confirmation,),
    "warm_start": (WarmStart,),
    "resources": (Resources,),
    "study": (StudyPlace,),
    "storage": (Storage,),
    "tracking": (TrackingPlace,),
    "notify": (Notify,),
}
"""The tables of a search file except its space; if there are several types, the key ``kind`` selects one."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str, place: str, noun: str = "a search's name") -> str:
    """Return a name if it is valid; otherwise raise BadInputError with the place of the name, and what it is."""
    if not _NAME.fullmatch(name):
        raise BadInputError(
            f"{noun} is 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit",
            f"got {shown(name)}",
            place,
        )
    return name


class SearchSpec(Section):
    """A complete, checked search; attributes not listed here are sections of the search file.

    Attributes:
        name: The search's name, also of its folder and its MLflow run.
        family: The model family.
        space: The domain of each hyperparameter; ``epochs`` is fixed by the budget.
        prior: Known good points, tried first; missing settings of a point are sampled.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    family: str
    data: Data = Data()
    budget: Budget = Budget()
    space: Space
    prior: tuple[Mapping[str, Value], ...] = ()
    scheduler: Scheduler = Asha()
    sampler: Sampler = Tpe()
    confirmation: Confirmation = Confirmation()
    warm_start: WarmStart = WarmStart()
    resources: Resources = Resources()
    study: StudyPlace = StudyPlace()
    storage: Storage = Storage()
    tracking: TrackingPlace = TrackingPlace()
    notify: Notify = Notify()

    @property
    def num_repeats(self) -> int:
        """Number of its last trials that may confirm others."""
        return 0 if self.sampler.enumerates else self.confirmation.num_trials(self.budget.trials)

    def to_toml(self, without: str = "") -> str:
        """Return the complete search file, with comments and without passwords; parsing it returns an equal search.

        Args:
            without: The name of a section that is left out.

        Returns:
            The file's text.
        """
        lines = [f"name = {toml_value(self.name)}", f"family = {toml_value(self.family)}"]
        for name in SECTIONS:
            lines += _section_lines(name, getattr(self, name)) if name != without else []
            lines += _space_lines(self.space) if name == "budget" else []
        for point in self.prior:
            lines += ["", "[[prior]]", *(f"{name} = {toml_value(value)}" for name, value in point.items())]
        return "\n".join(lines) + "\n"


def _section_lines(name: str, section: Section) -> list[str]:
    lines = ["", f"# {(type(section).__doc__ or '').rstrip('.')}.", f"[{name}]"]
    for key, field in type(section).model_fields.items():
        value: Any = getattr(section, key)
        text = write_duration(value) if key == "time" else without_password(value) if key in ("url", "uri") else value
        lines.append(f"{key} = {toml_value(text)}  # {field.description}")
    return lines


def _space_lines(space: Space) -> list[str]:
    lines = ["", "# What is searched: a value, a list, or a range { low, high, step, log }.", "[space]"]
    if space.only:
        lines.append("only = true  # a setting that is not named here keeps its default")
    for name, setting in space.spec_type.settings().items():
        if name != "epochs":
            lines += [_remark(setting), f"{name} = {space.domains[name].to_toml()}"]
    return lines


def _remark(setting: Setting) -> str:
    bounds = " | ".join(map(str, setting.choices))
    if setting.low is not None and setting.high is not None:
        bounds = f"{setting.low:g}..{setting.high:g}" + (f" {setting.unit}" if setting.unit else "")
    needs = [f"{other} = {' or '.join(map(toml_value, values))}" for other, values in setting.when.items()]
    when = f"only where {' and '.join(needs)}" if needs else ""
    return f"# {'; '.join(part for part in (setting.meaning, bounds, when) if part)}"
