"""Requests that change a running search, and their answers; each is a small JSON document."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from data_prep.errors import BadInputError
from models.spec import Value


class _Document(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ChangeBudget(_Document):
    """Change the number of trials, the time limit, when the search stops, or several of them.

    Attributes:
        trials: The new number of trials; None leaves it.
        time: The new time limit, as in a search file; None leaves it.
        stop: When it stops, as in a search file; None leaves it.
    """

    kind: Literal["budget"] = "budget"
    trials: int | None = None
    time: Annotated[str, Field(max_length=100)] | None = None
    stop: Literal["budget", "converged"] | None = None


class StopTrial(_Document):
    """End a running trial as if the scheduler had stopped it.

    Attributes:
        number: The trial's number.
    """

    kind: Literal["stop"] = "stop"
    number: int


class AddPoint(_Document):
    """Queue a point, which is tried before new proposals.

    Attributes:
        values: Settings by name; missing ones are sampled.
    """

    kind: Literal["add"] = "add"
    values: Mapping[str, Value]


Request: TypeAlias = ChangeBudget | StopTrial | AddPoint
"""Anything that a running search can be asked."""

_REQUEST: TypeAdapter[Request] = TypeAdapter(Annotated[Request, Field(discriminator="kind")])


class Answer(_Document):
    """What became of a request: done, or refused because of bad input, whose parts it has.

    Attributes:
        text: What was done, in words; empty if it was refused.
        facts: The same as plain values.
        rule: The rule that the request breaks; empty if it was carried out.
        value: The value that breaks it.
        where: Where that was found.
        remedy: What to do.
    """

    text: str = ""
    facts: Mapping[str, Any] = {}
    rule: str = ""
    value: str = ""
    where: str = ""
    remedy: str = ""

    @classmethod
    def refusal(cls, error: BadInputError) -> "Answer":
        """Return the answer to a request that breaks a rule."""
        return cls(rule=error.rule, value=error.value, where=error.where, remedy=error.remedy)

    def raise_refusal(self) -> None:
        """Raise BadInputError if the request was refused."""
        if self.rule:
            raise BadInputError(self.rule, self.value, self.where, self.remedy)


def parse_request(text: bytes) -> Request:
    """Parse a request; raise ValueError if it is not one."""
    return _REQUEST.validate_json(text)
