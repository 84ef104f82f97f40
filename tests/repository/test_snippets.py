"""Every snippet of the documents must work.

The ``python`` blocks of a document run one after another in one namespace. ``toml`` blocks must be valid search files.
Every line of an ``sh`` block must be a command that exists with these arguments and options; ``sh run`` blocks are also
run in an empty folder. A block whose mark names a file quotes it, as written by docs/generate.py. Blocks without a mark
are not checked.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from data_prep.corpora.named import corpora
from search.spec.file import parse
from tests.forked import Program
from tests.mlflow_tables import lay_tables
from tunesmith.cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "deploy/README.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]
FENCED = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OUTPUTS = ("folder", "output", "picture", "pictures", "home")
"""Parameters with the paths of files that a command writes."""

SHELL = (
    f"""set -eu; tunesmith() {{ {shlex.quote(sys.executable)} -c 'from tunesmith.cli import main; main()' "$@"; }}\n"""
)


@dataclass(frozen=True)
class Snippet:
    """A marked block of a document."""

    document: str
    line: int
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def snippets(*marks: str) -> list[Snippet]:
    return [snippet for snippet in blocks() if snippet.mark in marks]


def blocks() -> Iterator[Snippet]:
    for path in DOCUMENTS:
        content = path.read_text(encoding="utf-8")
        for block in FENCED.finditer(content):
            line = content.count("\n", 0, block.start()) + 1
            yield Snippet(str(path.relative_to(ROOT)), line, block[1], block[2])


def commands() -> list[Any]:
    parameters: list[Any] = []
    for snippet in snippets("sh", "sh run"):
        for number, line in enumerate(snippet.text.splitlines(), snippet.line + 1):
            if words := shlex.split(line, comments=True):
                parameters.append(pytest.param(words, id=f"{snippet.document}:{number}"))
    return parameters


def parsed(arguments: list[str]) -> dict[str, Any]:
    """Parse arguments without running the command, and return the values of the command's parameters."""
    parameters: dict[str, Any] = {}

    def replace_callbacks(command: Any) -> Any:
        for subcommand in getattr(command, "commands", {}).values():
            replace_callbacks(subcommand)
        command.callback = store
        return command

    def store(**values: Any) -> None:
        parameters.update(values)

    replace_callbacks(get_command(app)).main(arguments, prog_name="tunesmith", standalone_mode=False)
    return parameters


def listed(value: Any) -> Iterator[Any]:
    """Yield the values of a parameter that may be given several times, or the value of any other."""
    if isinstance(value, list | tuple):
        yield from value
    else:
        yield value


def test_every_mark_is_tested() -> None:
    marks = {snippet.mark for snippet in blocks()}
    quotes = {mark for mark in marks if "/" in mark}
    assert marks - quotes <= {"", "python", "toml", "sh", "sh run"}
    assert all((ROOT / mark.split()[-1]).is_file() for mark in quotes)


@pytest.mark.parametrize("document", sorted({snippet.document for snippet in snippets("python")}))
def test_python_runs(document: str, tmp_path: Path) -> None:
    """Run the blocks in a process of their own, as a file with the document's line numbers."""
    lay_tables(tmp_path / "runs")
    lines: list[str] = []
    for snippet in snippets("python"):
        if snippet.document == document:
            lines += [""] * (snippet.line - len(lines)) + snippet.text.splitlines()
    script = tmp_path / f"{Path(document).stem}.py"
    script.write_text("\n".join(lines), encoding="utf-8")
    with Program([], script=script, folder=tmp_path, environment={**os.environ}) as program:
        _, errors = program.communicate(240)
        assert program.wait() == 0, errors


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_toml_is_a_search_file(snippet: Snippet) -> None:
    parse(snippet.text, str(snippet))


@pytest.mark.parametrize("words", commands())
def test_command_exists(words: list[str]) -> None:
    program, *arguments = words
    match program:
        case "tunesmith":
            parsed(arguments)
        case "make":
            targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
            assert set(arguments) <= set(targets)
        case "python":
            assert (ROOT / arguments[0]).is_file()
        case _:
            assert (
                program
                in {"git", "cd", "cp", "mkdir", "pip", "mlflow", "export", "ray", "source", "umask", "uv", "python3"}
                or (ROOT / program).exists()
                or program.startswith(".venv/bin/")
            )


def test_files_that_the_readme_reads_are_in_a_clone_or_written_by_an_earlier_command() -> None:
    written: set[Path] = set()
    num_read = 0
    for snippet in snippets("sh"):
        for words in (shlex.split(line) for line in snippet.text.splitlines()):
            if snippet.document != "README.md" or words[0] != "tunesmith" or words[1] == "--help":
                continue
            values = parsed(words[1:])
            written |= {values[name] for name in OUTPUTS if values.get(name)}
            given = ((name, each) for name, value in values.items() for each in listed(value))
            read = [value for name, value in given if isinstance(value, Path) and name not in OUTPUTS]
            if values.get("corpus") and values["corpus"] not in corpora():
                read.append(Path(values["corpus"]))
            for path in read:
                assert (ROOT / path).exists() or written & {path, *path.parents}, f"{snippet}: there is no {path}"
            num_read += len(read)
    assert num_read > 4


@pytest.mark.parametrize("snippet", snippets("sh run"), ids=str)
def test_shell_runs(snippet: Snippet, tmp_path: Path) -> None:
    subprocess.run(["bash", "-c", SHELL + snippet.text], cwd=tmp_path, check=True)
