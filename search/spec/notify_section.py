"""The table ``[notify]`` of a search file."""

import os
import shlex
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from search.spec.sections import Section


def _check_command(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError as error:
        raise ValueError(f"it is a command line with closed quotes ({error})") from None
    return text


class Notify(Section):
    """The command that is run when the search ends, on the machine where it was started; it is not in MLflow."""

    command: Annotated[str, AfterValidator(_check_command)] = Field(
        default="",
        description="such as 'notify-send tunesmith \"{text}\"'; run without a shell, with {text}, {search}, {event} "
        "and $VARIABLES filled in and the same as JSON on its standard input; empty: none",
    )

    def words(self, values: Mapping[str, str]) -> list[str]:
        """Return the words of the command.

        Args:
            values: The texts for {text} and the others, which stay one word each.

        Returns:
            The words; none if there is no command.
        """
        words = [os.path.expandvars(word) for word in shlex.split(self.command)]
        for name, value in values.items():
            words = [word.replace(f"{{{name}}}", value) for word in words]
        return words
