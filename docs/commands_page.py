"""The reference of the command line, written from the typer app."""

import re
from collections.abc import Iterator
from typing import Any

from tables import row
from typer.main import get_command

from tunesmith.cli import app

COMMANDS = """\
# Commands

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

Every command of `tunesmith`, with its arguments and options. On the terminal, `tunesmith COMMAND --help` prints the
same; `-h` is short for `--help`. The exit status is 0 on success, 2 for bad input, 130 after Ctrl-C, else 1.
"""

PARAMETERS = ("| argument or option | default | meaning |", "|---|---|---|")

DEFAULT = re.compile(r"\[.*?\bdefault: (.*?)(?:; [\d<=]*x[<>=].*)?\]$")
"""The default in the help of an option, as typer writes it after the text."""

CODE = re.compile(r"'(tunesmith [^']+)'|(?<![\w-])(--[a-z][\w-]*)")
"""What is code in a help text: a command in quotes, or an option."""


def commands_page() -> str:
    """Return the reference of the command line: a table of all commands, then each with its arguments and options."""
    program: Any = get_command(app)
    root = program.context_class(program, info_name="tunesmith")
    contexts = [context for context in _contexts(program, root) if context is not root]
    lines = [COMMANDS, "| command | purpose |", "|---|---|"]
    for context in contexts:
        path = context.command_path
        lines.append(row(f"[`{path}`](#{path.replace(' ', '-')})", _prose(context.command.help.split("\n\n")[0])))
    lines += ["", "## tunesmith", "", *PARAMETERS]
    lines += [_parameter(parameter, root) for parameter in program.params]
    for context in contexts:
        lines += ["", *_command(context)]
    return "\n".join(lines).rstrip() + "\n"


def _contexts(program: Any, context: Any) -> Iterator[Any]:
    """Yield the context of a command, then those of its subcommands."""
    yield context
    for name, command in getattr(program, "commands", {}).items():
        yield from _contexts(command, command.context_class(command, info_name=name, parent=context))


def _command(context: Any) -> Iterator[str]:
    """Yield the section of a command."""
    command, words = context.command, context.command_path
    text, _, examples = command.help.partition("Examples:\n")
    yield from (f"{'#' * len(words.split())} {words}", "", _prose(text.strip()))
    if hasattr(command, "commands"):
        return
    usage = re.sub(r"{(.*?)}", r"\1", " ".join(command.collect_usage_pieces(context)))
    yield from ("", f"    {words} {usage}", "")
    if examples:
        yield from ("```sh", *(line.strip() for line in examples.splitlines() if line.strip()), "```", "")
    yield from PARAMETERS
    for parameter in sorted(command.params, key=lambda parameter: parameter.param_type_name):
        yield _parameter(parameter, context)


def _parameter(parameter: Any, context: Any) -> str:
    names, record = parameter.get_help_record(context)
    text, default = _prose(parameter.help), DEFAULT.search(record)
    shown = "required" if parameter.required else ""
    if default and default[1] not in {"True", "False"}:
        shown = _prose(default[1][1:-1]) if default[1].startswith("(") else f"`{default[1]}`"
    if parameter.min is not None:
        text += f" At least {parameter.min}." if parameter.max is None else f" {parameter.min} to {parameter.max}."
    if parameter.envvar:
        text += f" Also set by the variable `{parameter.envvar}`."
    kind = r" <.*>$" if parameter.param_type_name == "argument" else r" range(?=>$)"
    return row(f"`{re.sub(kind, '', names)}`", shown, text)


def _prose(text: str) -> str:
    """Return a help text as Markdown."""
    pieces = CODE.split(text.replace("\\[", "["))
    plain, quoted, options = pieces[::3], pieces[1::3], pieces[2::3]
    escaped = [re.sub(r"[*_\[\]`]", r"\\\g<0>", piece).replace("<", "&lt;") for piece in plain]
    codes = [f"`{command or option}`" for command, option in zip(quoted, options, strict=True)]
    return "".join(each for pair in zip(escaped, [*codes, ""], strict=True) for each in pair)
