"""Writes the pages that the code itself knows best: ``make docs``, or ``python docs/generate.py``."""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

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
"""A block that quotes a file: behind the language stands the file."""

SEARCH_FILE = """\
# The search file

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

A search is one TOML file. Every key is optional: what a file leaves out is taken from its family's built-in search, in
`[space]` setting by setting. With `only = true` there, the settings that it names are all that is searched, and the
others keep their defaults. An unknown key, an illegal value or a point outside the space is refused with its line.

This prints the complete effective file of the built-in search, a good one to start from:

```sh run
tunesmith search composer --print
```

A file of one's own says what is different. What it would do, then doing it:

```sh
tunesmith search my-search.toml --dry-run
tunesmith search my-search.toml
```

A small one:

```toml
name = "cells"
family = "composer"

[data]
corpus = "ryans"

[budget]
trials = 24
time = "20m"

[space]
cell = ["lstm", "gru"]                           # one of a list
size = { low = 32, high = 256, log = true }      # a range; whole numbers stay whole
dropout = { low = 0.0, high = 0.5, step = 0.1 }  # a range in steps
layers = 1                                       # one value, not searched
only = true                                      # settings not named here keep their defaults, and are not searched

[[prior]] # a point to try first; what it leaves out is sampled
cell = "gru"
size = 96
```

## The top

| key | default | meaning |
|---|---|---|
| `name` | the family's name | name of the search: of its folder, its MLflow run, and on the command line |
| `family` | `"composer"` | the model family |
| `[[prior]]` | the built-in search's | points to try first, settings by name; each value lies in the space |
| `only` in `[space]` | `false` | settings that are not named keep their defaults |
"""

MODULES = """\
# Every file in one line

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

Each file has one purpose, and its first line says it. How they hang together: [architecture](architecture.md).
"""


def main() -> None:
    """Write all pages."""
    for name, text in pages().items():
        (ROOT / "docs" / name).write_text(text, encoding="utf-8")


def pages() -> Mapping[str, str]:
    """Return the text of each generated page by its file's name."""
    return {"search-file.md": search_file(), "modules.md": modules(), FAMILY_PAGE: family_page()}


def family_page() -> str:
    """Return the page on adding a family, with what its files hold now in the blocks that quote them."""
    page = (ROOT / "docs" / FAMILY_PAGE).read_text(encoding="utf-8")
    return QUOTED.sub(lambda block: f"{block[1]}{(ROOT / block[2]).read_text(encoding='utf-8')}```\n", page)


def search_file() -> str:
    """Write the reference of the search file: its sections, then every family's settings."""
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
            "A setting that does not matter under the others is not sampled and keeps its default.",
            "",
            "| setting | default | built-in search | legal | matters where | meaning |",
            "|---|---|---|---|---|---|",
        ]
        search = load(family.name)
        lines += [_setting(one, search) for one in family.spec_type.settings().values() if one.name != "epochs"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _section(section: type[Section], built_in: Section) -> Iterator[str]:
    """Return the table of a section's keys, with the built-in search's values where it is of the same kind."""
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


def modules() -> str:
    """List every file with the first line of its docstring, room by room."""
    lines = [MODULES]
    for package in PACKAGES:
        rooms = sorted(path.parent for path in (ROOT / package).rglob("__init__.py"))
        for room in rooms:
            name = str(room.relative_to(ROOT))
            lines += [f"{'##' if room.name == package else '###'} {name}", "", _purpose(room / "__init__.py"), ""]
            lines += _files(room, name)
    lines += ["## benchmarks", "", "Run one after another by `make bench`; see [benchmarks](benchmarks.md).", ""]
    lines += _files(ROOT / "benchmarks", "benchmarks")
    return "\n".join(lines).rstrip() + "\n"


def _files(folder: Path, name: str) -> Iterator[str]:
    """Return the table of a folder's own files."""
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
