"""A search's data, prepared with a progress bar."""

from typing import TYPE_CHECKING

from data_prep.wording import counted

if TYPE_CHECKING:
    from data_prep.prepared import Prepared
    from search.search_spec import SearchSpec


def prepared_data(spec: "SearchSpec") -> "Prepared":
    """Prepare a search's data with a progress bar, and say what could not be read."""
    from data_prep.corpus import corpora
    from data_prep.prepared import prepare
    from models.families import family as find_family
    from tunesmith.console import err
    from tunesmith.data_commands import report_skipped
    from tunesmith.progress import Bar

    kind = find_family(spec.family).data_kind
    with Bar() as bar:
        prepared = prepare(
            spec.data.corpus,
            kind=kind,
            repeats=spec.data.repeats,
            num_folds=spec.data.folds,
            seed=spec.data.seed,
            progress=bar,
        )
    report_skipped(prepared)
    if prepared.exclusions and prepared.data.corpus not in corpora():
        reasons = f"tunesmith data show {prepared.data.corpus} says why"
        err.print(f"{counted(len(prepared.exclusions), 'file')} left out: {reasons}", markup=False)
    return prepared
