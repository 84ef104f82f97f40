"""Preparing the data of a search, and reporting the files that are left out."""

from typing import TYPE_CHECKING

from data_prep.wording import counted
from tunesmith.console import err
from tunesmith.program import command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from data_prep.corpora.provenance import Skipped
    from data_prep.prepared.corpus import Prepared
    from data_prep.progress import Progress
    from search.spec.file import SearchSpec
    from search.spec.sections import Data

_MOST_SHOWN = 12


def prepare_data(data: "Data", kind: str, progress: "Progress") -> "Prepared":
    """Prepare the corpus and the folds of a search file's [data] section."""
    from data_prep.prepared.corpus import prepare

    return prepare(
        data.corpus,
        kind=kind,
        repeats=data.repeats,
        num_folds=data.num_parts,
        holdout=data.is_holdout,
        seed=data.seed,
        progress=progress,
    )


def prepared_data(spec: "SearchSpec") -> "Prepared":
    """Prepare a search's data with a progress bar, and print the files that could not be read."""
    from data_prep.corpora.named import corpora
    from models.families import family as find_family
    from tunesmith.progress_bar import Bar

    with Bar() as bar:
        prepared = prepare_data(spec.data, find_family(spec.family).data_kind, bar)
    report_skipped(prepared)
    if prepared.exclusions and prepared.data.corpus not in corpora():
        reasons = f"{command('data', 'show', prepared.data.corpus)} shows why"
        err.print(f"{counted(len(prepared.exclusions), 'file')} left out: {reasons}", markup=False, soft_wrap=True)
    return prepared


def report_skipped(prepared: "Prepared") -> None:
    """Print the files that could not be read and the reasons, on standard error."""
    report(f"{len(prepared.skipped)} skipped, not readable:", prepared.skipped)


def report(title: str, files: "Sequence[Skipped]") -> None:
    """Print a title, and files with reasons, on standard error."""
    if not files:
        return
    err.print(f"[yellow]{title}[/]")
    for file in files[:_MOST_SHOWN]:
        err.print(f"  {file.file}: {file.reason}", markup=False, soft_wrap=True)
    if len(files) > _MOST_SHOWN:
        listing = command("data", "show", "--json")
        err.print(f"  and {len(files) - _MOST_SHOWN} more ({listing} lists all)", markup=False)
