"""Errors in the words of Python: the call or the argument that carries out a remedy, instead of a command."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from data_prep.errors import Action, ActionName, BadInputError
from tunesmith.program import home_option
from tunesmith.remedies import command_for

CALLS: Mapping[ActionName, str] = {
    "resume search": "tunesmith.search({search}{at})",
    "raise budget": "tunesmith.search({search}, trials={trials}{at})",
    "remove time limit": 'tunesmith.search({search}, time="none"{at})',
    "list trials": "tunesmith.load_search({search}{at}).trials()",
    "repeat trial": "tunesmith.trial(like={search/trial}{at})",
    "rename search": "name=",
    "choose home": "home=",
    "use home": "home={home}",
    "replace files": "replace=True",
    "promote": "tunesmith.promote({search}{at})",
    "promote by force": "force=True, reason=",
    "repeat promotion": "tunesmith.promote({search}, trial={trial}, networks={networks}{at})",
    "score seen pieces": "keep_seen=True",
}
"""The call, or the argument of the current call, that carries out an action; for other actions there is a command."""

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*[a-z])")
_ARGUMENTS = {"set": "settings", "out": "path", "force": "replace"}
"""Arguments that are called otherwise than the option."""


def in_python(error: BadInputError) -> BadInputError:
    """Return an error whose remedy is worded in Python."""
    remedy = _arguments(error.remedy)
    if error.action is not None:
        call = _call(error.action)
        separator, end = ((" (", ")") if call[0].islower() and "(" not in call else (": ", "")) if remedy else ("", "")
        remedy = f"{remedy}{separator}{call}{end}"
    return BadInputError(_arguments(error.rule), error.value, _arguments(error.where), remedy)


def _call(action: Action) -> str:
    text = CALLS.get(action.name)
    if text is None:
        return command_for(action)
    values = action.values
    quoted = {name: _quoted(value) for name, value in values.items()}
    if "trial" in values:
        quoted["search/trial"] = _quoted(f"{values['search']}/{values['trial']}")
    home = home_option()[1:]
    quoted["at"] = f", home={_quoted(home[0])}" if home else ""
    return re.sub(r"\{([a-z/]+)\}", lambda match: quoted[match[1]], text)


def _quoted(value: object) -> str:
    return json.dumps(str(value), ensure_ascii=False) if isinstance(value, str | Path) else str(value)


def _arguments(text: str) -> str:
    """Replace options of the command line by arguments."""
    return _OPTION.sub(lambda match: _ARGUMENTS.get(match[1], match[1].replace("-", "_")), text)
