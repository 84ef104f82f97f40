"""Generate the pages that describe code: ``make docs``, or ``python docs/generate.py``."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from commands_page import commands_page
from python_page import python_page
from tables import row

from models.families import FAMILIES
from models.spec import Setting
from search.spec.domains import toml_value
from search.spec.file import load
from search.spec.sections import Section, write_duration
from search.spec.whole_search import SECTIONS, SearchSpec

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
        "commands.md": commands_page(),
        "search-file.md": search_file(),
        "modules.md": modules(),
        "python-reference.md": python_page(),
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
        yield row(f"`{key}`", f"`{shown}`", field.description or "")
    yield ""


def _setting(setting: Setting, search: SearchSpec) -> str:
    when = " and ".join(
        f"`{other}` is {' or '.join(f'`{toml_value(value)}`' for value in values)}"
        for other, values in setting.when.items()
    )
    default, searched = toml_value(setting.default), search.space.domains[setting.name].to_toml()
    return row(f"`{setting.name}`", f"`{default}`", f"`{searched}`", _legal(setting), when, setting.meaning)


def _legal(setting: Setting) -> str:
    if setting.kind == "choice":
        return ", ".join(f"`{toml_value(choice)}`" for choice in setting.choices)
    if setting.kind == "flag":
        return "`true`, `false`"
    assert setting.low is not None
    assert setting.high is not None
    return f"{setting.low:g} to {setting.high:g}" + (f" {setting.unit}" if setting.unit else "")


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
    yield from (row(f"`{name}/{path.name}`", _purpose(path)) for path in paths)
    yield ""


def _purpose(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(docstring.split("\n\n")[0].split())


if __name__ == "__main__":
    main()
