"""Hooks of mkdocs: pages of the site that are outside docs/, and what GitHub and the site write differently."""

import posixpath
import re
from pathlib import Path
from typing import Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[1]

OUTSIDE: Final = {
    "CHANGELOG.md": "CHANGELOG.md",
    "CONTRIBUTING.md": "CONTRIBUTING.md",
    "LICENSE": "LICENSE.txt",
    "deploy/README.md": "deploy.md",
}
"""The path in the site of each file of the repository that is outside docs/."""

LINK: Final = re.compile(r"(?<=\]\()([^)#:\s]+)")
"""The file of a link or picture, relative to the page."""

QUOTED: Final = re.compile(r"^(```\w+) (\S+/\S+)$", re.MULTILINE)
MARKED: Final = re.compile(r"^(```\w+) run$", re.MULTILINE)
"""Code blocks with the marks that tests/repository/test_snippets.py reads: a quoted file, and commands that it runs."""

CODE: Final = re.compile(r"`[^`\n]+`")
"""Code in a line. In tables, GitHub needs a backslash before its vertical bars, which mkdocs would show."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files outside docs/ to the site."""
    for path, target in OUTSIDE.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Return the text of a page with the links and the marks of code blocks that the site understands."""
    del config, files
    source = page.file.src_uri
    inside = {target: path for path, target in OUTSIDE.items()}.get(source, f"docs/{source}")
    text = LINK.sub(lambda link: _in_site(link[1], inside, source), markdown)
    text = CODE.sub(lambda code: code[0].replace("\\|", "|"), text)
    return MARKED.sub(r"\1", QUOTED.sub(r'\1 title="\2"', text))


def _in_site(link: str, page: str, source: str) -> str:
    """Return a link between files of the repository as one between files of the site.

    Args:
        link: The file, relative to the page.
        page: The page's path in the repository.
        source: The page's path in the site.

    Returns:
        The file, relative to the page in the site; a file that is not in the site stays, and mkdocs warns.
    """
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), link))
    target = OUTSIDE.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    return link if target is None else posixpath.relpath(target, posixpath.dirname(source) or ".")
