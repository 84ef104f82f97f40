"""``tunesmith models``, ``rollback`` and ``export``: list, restore and export registered models."""

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from tunesmith.console import labelled_table, new_table, out, print_json
from tunesmith.figures import interval
from tunesmith.home import home_folder
from tunesmith.names.models import registry
from tunesmith.options import AsJson, Home, Tracking
from tunesmith.program import called, command

if TYPE_CHECKING:
    from search.promotion.versions import Version

_MEGABYTE = 1e6


def models(
    model: Annotated[
        str | None,
        typer.Argument(
            help="A model to show, e.g. composer@champion or composer@3.", metavar="MODEL", show_default=False
        ),
    ] = None,
    tracking: Tracking = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """List the registered models, or show one: its card, its test results and its origin.

    Examples:
        tunesmith models

        tunesmith models composer@champion
    """
    from search.promotion.versions import parse_reference

    registered = registry(home_folder(home), tracking)
    if model is not None:
        version = registered.version(parse_reference(model))
        evidence = registered.evidence(version) if version.run_id else {}
        if as_json:
            print_json({**_row(version), "evidence": evidence or None, "card": version.card})
        else:
            _show(version, evidence)
        return
    versions = registered.versions()
    if as_json:
        print_json([_row(version) for version in versions])
    elif versions:
        _print(versions)
    else:
        out.print("no model is registered yet. To register the best trial of a search:")
        out.print(f"  {command('promote', 'NAME')}", markup=False, soft_wrap=True)


def rollback(
    family: Annotated[str, typer.Argument(help="A model family.", metavar="FAMILY")],
    tracking: Tracking = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Make the previous champion the champion again. No version is deleted.

    Examples:
        tunesmith rollback composer
    """
    from models.families import family as find_family

    old, new = registry(home_folder(home), tracking).rollback(find_family(family).name)
    if as_json:
        print_json({"was": _row(old), "champion": _row(new)})
        return
    out.print(f"[bold green]{new.reference} is the champion[/] again: {new.source}, {_test(new)}")
    out.print(f"it replaces {old.reference}: {old.source}, {_test(old)}; that version stays registered")


def export(
    model: Annotated[
        str, typer.Argument(help="A registered model, e.g. composer@champion or composer@3.", metavar="MODEL")
    ],
    output: Annotated[Path, typer.Option("--out", help="A new or empty folder.", metavar="DIR")],
    tracking: Tracking = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Copy a registered model for use without tunesmith: from Python, or over HTTP.

    Examples:
        tunesmith export composer@champion --out model/
    """
    from search.promotion.versions import parse_reference

    registered = registry(home_folder(home), tracking)
    version = registered.version(parse_reference(model))
    folder = registered.export(version, output)
    if as_json:
        print_json({**_row(version), "folder": str(folder)})
        return
    out.print(
        f"{version.reference} is in {escape(str(folder))}; README.md there explains its use. To serve it:",
        soft_wrap=True,
    )
    mlflow = called("mlflow", sys.argv[0])
    serve = f"models serve -m {quote(str(folder))} --env-manager local"
    out.print(f"  {mlflow} {serve}", markup=False, soft_wrap=True)


def _row(version: "Version") -> dict[str, Any]:
    return {
        "model": version.family,
        "version": version.version,
        "aliases": list(version.aliases),
        "search": version.search,
        "trial": version.trial,
        "corpus": version.corpus,
        "fingerprint": version.fingerprint,
        "code_version": version.code_version,
        "test_mean": version.test_mean,
        "test_se": version.test_se,
        "unit": version.unit,
        "loses_to": version.loses_to,
        "size_bytes": version.size_bytes,
        "created": version.created.isoformat(timespec="seconds"),
        "run_id": version.run_id,
        "tags": dict(version.tags),
    }


def _print(versions: "list[Version]") -> None:
    rows = [
        (
            version.reference,
            ", ".join(version.aliases),
            version.source,
            _test(version),
            f"{version.size_bytes / _MEGABYTE:.2f} MB",
            f"{version.created.astimezone():%Y-%m-%d %H:%M}",
        )
        for version in versions
    ]
    for version in versions:
        if version.loses_to:
            out.print(f"[bold red]{version.reference} {escape(version.loses_to)}[/]", soft_wrap=True)
    table = new_table()
    for number, column in enumerate(("model", "", "from", "sealed test", "size", "registered")):
        table.add_column(column, no_wrap=True, min_width=max(len(row[number]) for row in rows))
    for version, row in zip(versions, rows, strict=True):
        table.add_row(*map(escape, row), style="bold green" if version.is_champion else None)
    out.print(table, crop=False)  # wrap the table on a narrow terminal


def _show(version: "Version", evidence: dict[str, Any]) -> None:
    from rich.markdown import Markdown

    aliases = f" ({', '.join(version.aliases)})" if version.aliases else ""
    loses = version.loses_to or _loses_to(version, evidence)
    if loses:
        out.print(f"[bold red]{version.reference} {escape(loses)}[/]", soft_wrap=True)
    out.print(f"[bold]{version.reference}[/]{aliases}: {_test(version)}")
    out.print()
    out.print(Markdown(version.card))
    out.print()
    out.print(labelled_table((name, value) for name, value in _lineage(version, evidence).items() if value))


def _loses_to(version: "Version", evidence: dict[str, Any]) -> str:
    """Return which baselines beat a version as text, for versions registered before this was stored."""
    from models.families import family as find_family
    from search.promotion.evidence import tested
    from search.promotion.sealed_test import loses_to

    objective = find_family(version.family).metrics[0]
    if evidence.get("objective") != objective.name:
        return ""
    return loses_to(tested(evidence, version.reference), objective)


def _lineage(version: "Version", evidence: dict[str, Any]) -> dict[str, str]:
    """Return the origin of a version, and the decision about its promotion."""
    tags = version.tags
    return {
        "search": f"{version.search} (study {tags['study']})" if "study" in tags else version.search,
        "trial": f"{version.source}: {command('show', version.source)}" if version.trial else "",
        "data": f"{version.corpus}, fingerprint {version.fingerprint}" if version.fingerprint else version.corpus,
        "code": version.code_version,
        "decision": tags.get("decision") or str(evidence.get("decision", {}).get("why", "")),
        "champion": f"since {tags['champion_since']}: {tags['champion_why']}" if "champion_since" in tags else "",
        "weights": f"{version.size_bytes / _MEGABYTE:.2f} MB, SHA-256 {tags.get('sha256', '')}",
        "MLflow run": version.run_id,
        "trial's run": tags.get("trial_run", ""),
    }


def _test(version: "Version") -> str:
    return f"{interval(version.test_mean, version.test_se)} {version.unit}"
