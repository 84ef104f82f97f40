"""A search that was started, for Python: its trials, its best trial, its study and its report."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.program import set_home
from tunesmith.python.best_trial import BestTrial, best_trial
from tunesmith.python.public import as_path, public

if TYPE_CHECKING:
    import pandas as pd

    from search.plots.read_only import ReadOnlyStudy
    from search.spec.file import AnyFamily
    from search.study.records import SearchRecord


@dataclass(frozen=True)
class LoadedSearch:
    """A search that was started. Each call reads it again, so it can be watched while it runs.

    Attributes:
        name: Its name.
        home: Its home folder.
    """

    name: str
    home: Path

    @public
    def trials(self) -> "pd.DataFrame":
        """Return a table of the trials, best first, with the columns of ``tunesmith trials --csv``."""
        import pandas as pd

        from tunesmith.reports.trial_table import rows, sorted_rows

        record, family = self._read()
        return pd.DataFrame(sorted_rows(rows(record, family), "score", family))

    @property
    @public
    def best(self) -> BestTrial:
        """The best trial with the full budget; raises BadInputError if there is none yet."""
        return best_trial(*self._read())

    @property
    @public
    def study(self) -> "ReadOnlyStudy":
        """A copy of the search's Optuna study, for ``optuna.visualization``; changing it raises BadInputError.

        Its attribute ``storage`` is for ``optuna_dashboard.run_server``.
        """
        from search.plots.read_only import read_only_study

        set_home(self.home)
        return read_only_study(self.home, self.name)

    @public
    def report(self, path: str | Path | None = None, *, replace: bool = False) -> Path:
        """Write the report of ``tunesmith report``, one HTML file with all figures and trials.

        Args:
            path: The file; None is NAME.html in the current folder.
            replace: Whether to replace an existing file.

        Returns:
            The file.

        Raises:
            BadInputError: If it exists and ``replace`` is false, or it cannot be written.
        """
        from tunesmith.reports.page.writing import write_report

        set_home(self.home)
        return write_report(self.home, [self.name], as_path(path), replace=replace)

    @public
    def _repr_html_(self) -> str:
        """Return what a notebook shows: the findings, and the best trials."""
        from tunesmith.python.search_summary import search_html

        return search_html(*self._read())

    def _read(self) -> "tuple[SearchRecord, AnyFamily]":
        from models.families import family as find_family
        from search.study.database import read_search

        set_home(self.home)
        record = read_search(self.home, self.name)
        return record, find_family(record.spec.family)
