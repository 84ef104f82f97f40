"""Generate the pages that describe code: ``make docs``, or ``python docs/generate.py``."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from typer.main import get_command

from models.families import FAMILIES
from models.spec import Setting
from search.spec.domains import toml_value
from search.spec.file import load
from search.spec.sections import Section, write_duration
from search.spec.whole_search import SECTIONS, SearchSpec
from tunesmith.cli import app

ROOT = Path(__file__).parents[1]
PACKAGES = ("data_prep", "models", "search", "cluster", "tunesmith")

FAMILY_PAGE = "adding-a-family.md"

QUOTED = re.compile(r"^(```\w+ (\S+/\S+)\n).*?^```\n", re.MULTILINE | re.DOTALL)
"""A block that quotes a file, whose path follows the language."""

SEARCH_FILE = """\
# The search file

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

A search is one TOML file. Every key is optional: missing keys, including single hyperparameters of `[space]`, are taken
from the family's built-in search. With `only = true` in `[space]`, only the hyperparameters in the file are searched,
and the others keep their defaults. An unknown key, an illegal value or a point outside the space is rejected with its
line.

This prints the complete file of the built-in search, which is a good starting point:

```sh run
tunesmith search composer --print
```

Your own file needs only the keys that differ. Print the plan, then run it:

```sh
tunesmith search my-search.toml --dry-run
tunesmith search my-search.toml
```

For example:

```toml
name = "cells"
family = "composer"

[data]
corpus = "ryans"

[budget]
trials = 24
time = "20m"

[space]
cell = ["lstm", "gru"]                           # a list of choices
size = { low = 32, high = 256, log = true }      # a range; whole numbers stay whole
dropout = { low = 0.0, high = 0.5, step = 0.1 }  # a range in steps
layers = 1                                       # a fixed value
only = true                                      # other hyperparameters keep their defaults

[[prior]] # a point to try first; missing hyperparameters are sampled
cell = "gru"
size = 96
```

## Top level

| key | default | meaning |
|---|---|---|
| `name` | the family's name | name of the search, which is also that of its folder and its MLflow run |
| `family` | `"composer"` | the model family |
| `[[prior]]` | that of the built-in search | points to try first, with values inside the space |
| `only` in `[space]` | `false` | whether hyperparameters that the file does not contain keep their defaults |
"""

COMMANDS = """\
# Commands

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

Every command of `tunesmith`, with its arguments and options. On the terminal, `tunesmith COMMAND --help` prints the
same.

- `--help`, or `-h`, is an option of every command and is not listed below.
- `--debug`, with any command, shows tracebacks of errors.
- `tunesmith --version` prints the version.
- The exit status is 0 on success, 2 for bad input, 130 after Ctrl-C, else 1.
"""

DEFAULT = re.compile(r"\[.*?\bdefault: (.*?)(?:; [\d<=]*x[<>=].*)?\]$")
"""The default in the help of an option, as typer writes it after the text."""

CODE = re.compile(r"'(tunesmith [^']+)'|(?<![\w-])(--[a-z][\w-]*)")
"""What is code in a help text: a command in quotes, or an option."""

MODULES = """\
# Every file

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

The purpose of each file is the first line of its docstring. [Architecture](architecture.md) describes how the files
work together.
"""


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")


def pages() -> Mapping[str, str]:
    """Return the text of each generated page by file name."""
    return {
        "commands.md": commands(),
        "search-file.md": search_file(),
        "modules.md": modules(),
        FAMILY_PAGE: family_page(),
    }


def family_page() -> str:
    """Return the page on adding a family, with the quoted files updated."""
    page = (ROOT / "docs" / FAMILY_PAGE).read_text(encoding="utf-8")
    return QUOTED.sub(lambda block: f"{block[1]}{(ROOT / block[2]).read_text(encoding='utf-8')}```\n", page)


def search_file() -> str:
    """Return the reference of the search file: its sections, then the hyperparameters of every family."""
    lines = [SEARCH_FILE]
    built_in = load(next(iter(FAMILIES)))
    for name, types in SECTIONS.items():
        lines += [f"## `[{name}]`", ""]
        for section in types:
            lines += _section(section, getattr(built_in, name))
    for family in FAMILIES.values():
        lines += [
            f"## `[space]` of the {family.name}",
            "",
            f"{family.summary[:1].upper()}{family.summary[1:].rstrip('.')}.",
            "A hyperparameter is sampled only if its condition holds, and otherwise keeps its default.",
            "",
            "| hyperparameter | default | built-in search | legal values | condition | meaning |",
            "|---|---|---|---|---|---|",
        ]
        search = load(family.name)
        settings = family.spec_type.settings().values()
        lines += [_setting(setting, search) for setting in settings if setting.name != "epochs"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _section(section: type[Section], built_in: Section) -> Iterator[str]:
    """Yield the table of a section's keys, with the defaults of the built-in search if it has this kind of section."""
    yield section.__doc__ or ""
    yield ""
    yield "| key | default | meaning |"
    yield "|---|---|---|"
    for key, field in section.model_fields.items():
        value: Any = getattr(built_in, key) if isinstance(built_in, section) else field.default
        shown = toml_value(write_duration(value) if key == "time" else value)
        yield _row(f"`{key}`", f"`{shown}`", field.description or "")
    yield ""


def _setting(setting: Setting, search: SearchSpec) -> str:
    when = " and ".join(
        f"`{other}` is {' or '.join(f'`{toml_value(value)}`' for value in values)}"
        for other, values in setting.when.items()
    )
    default, searched = toml_value(setting.default), search.space.domains[setting.name].to_toml()
    return _row(f"`{setting.name}`", f"`{default}`", f"`{searched}`", _legal(setting), when, setting.meaning)


def _legal(setting: Setting) -> str:
    if setting.kind == "choice":
        return ", ".join(f"`{toml_value(choice)}`" for choice in setting.choices)
    if setting.kind == "flag":
        return "`true`, `false`"
    assert setting.low is not None
    assert setting.high is not None
    return f"{setting.low:g} to {setting.high:g}" + (f" {setting.unit}" if setting.unit else "")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def commands() -> str:
    """Return the reference of the command line: a table of all commands, then each with its arguments and options."""
    program: Any = get_command(app)
    root = program.context_class(program, info_name="tunesmith")
    contexts = [context for context in _contexts(program, root) if context is not root]
    lines = [COMMANDS, "| command | purpose |", "|---|---|"]
    for context in contexts:
        path = context.command_path
        lines.append(_row(f"[`{path}`](#{path.replace(' ', '-')})", _prose(context.command.help.split("\n\n")[0])))
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
    yield from ("| argument or option | default | meaning |", "|---|---|---|")
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
    return _row(f"`{re.sub(kind, '', names)}`", shown, text)


def _prose(text: str) -> str:
    """Return a help text as Markdown."""
    pieces = CODE.split(text.replace("\\[", "["))
    plain, quoted, options = pieces[::3], pieces[1::3], pieces[2::3]
    escaped = [re.sub(r"[*_\[\]`]", r"\\\g<0>", piece).replace("<", "&lt;") for piece in plain]
    codes = [f"`{command or option}`" for command, option in zip(quoted, options, strict=True)]
    return "".join(each for pair in zip(escaped, [*codes, ""], strict=True) for each in pair)


def modules() -> str:
    """Return the list of all files by package, with the first line of each docstring."""
    lines = [MODULES]
    for package in PACKAGES:
        folders = sorted(path.parent for path in (ROOT / package).rglob("__init__.py"))
        for folder in folders:
            name = str(folder.relative_to(ROOT))
            lines += [f"{'##' if folder.name == package else '###'} {name}", "", _purpose(folder / "__init__.py"), ""]
            lines += _files(folder, name)
    lines += ["## benchmarks", "", "`make bench` runs all of them in order; see [benchmarks](benchmarks.md).", ""]
    lines += _files(ROOT / "benchmarks", "benchmarks")
    return "\n".join(lines).rstrip() + "\n"


def _files(folder: Path, name: str) -> Iterator[str]:
    """Yield the table of the files in a folder, without its subfolders."""
    paths = [path for path in sorted(folder.glob("*.py")) if path.name != "__init__.py"]
    if not paths:
        return
    yield from ("| file | purpose |", "|---|---|")
    yield from (_row(f"`{name}/{path.name}`", _purpose(path)) for path in paths)
    yield ""


def _purpose(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


if __name__ == "__main__":
    main()
