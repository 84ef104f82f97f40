"""What a shell completes: the names of searches, as ``tunesmith --install-completion`` sets it up."""

from pathlib import Path

import typer

from search.study.homes import standard_home


def search_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the searches in the home folder whose names begin with a text; their files are not read."""
    home: Path | None = context.params.get("home")
    found = (home or standard_home()).glob("searches/*/search.toml")
    return sorted(path.parent.name for path in found if path.parent.name.startswith(incomplete))


def what_to_search(context: typer.Context, incomplete: str) -> list[str]:
    """Return the searches, the built-in searches and the search files here whose names begin with a text."""
    from models.families import FAMILIES
    from search.spec.built_in import further_searches

    built_in = [name for name in (*FAMILIES, *further_searches()) if name.startswith(incomplete)]
    written = sorted(path.name for path in Path().glob("*.toml") if path.name.startswith(incomplete))
    return list(dict.fromkeys((*search_names(context, incomplete), *built_in, *written)))


def trial_names(context: typer.Context, incomplete: str) -> list[str]:
    """Return the searches whose names begin with a text, with the slash before the number of a trial."""
    return [f"{name}/" for name in search_names(context, incomplete)] if "/" not in incomplete else []
