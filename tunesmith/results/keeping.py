"""Keeping the result of a search when it has ended: its report, and its description, trials and music in MLflow.

Nothing here changes the result or the exit status: a failure is one warning. The next start writes what is missing.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError, one_line
from search.study.database import folder, read_search
from search.study.records import SearchRecord
from search.tracking.client import tracking_uri
from tunesmith.console import err, warn
from tunesmith.program import command
from tunesmith.remedies import error_line

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared
    from models.family import Baseline
    from tunesmith.reports.page.winner import WinnerMusic
    from tunesmith.running.whole_search import WholeRun

REPORT = "report.html"
"""The report in the folder of a search, and among the artifacts of its run."""

_MUSIC = "music"
"""The folder of the music among the artifacts of the winner's run."""


def keep_result(done: "WholeRun", prepared: "Prepared", home: Path) -> Path | None:
    """Write the report of a search into its folder, and its result to MLflow.

    Args:
        done: The run of the search that has ended; nothing is written if an earlier run has written everything.
        prepared: Its data.
        home: The home folder.

    Returns:
        The report; None without a full trial, or if it could not be written.
    """
    result = _Result(done, prepared, home)
    path = folder(home, done.spec.name) / REPORT
    if result.note is None:
        return None
    if path.exists() and not done.result.ran and result.is_logged:
        return path
    with err.status("writing the report ..."):
        written = result.attempt(partial(result.write_report, path), "the report was not written")
    if done.result.is_tracked:
        with err.status("writing the result to MLflow ..."):
            files = partial(result.log, [path] if written else [])
            if result.attempt(files, "MLflow does not have the result"):
                result.attempt(result.log_music, "MLflow does not have music of the winner")
    return path if written else None


@dataclass(frozen=True)
class _Result:
    done: "WholeRun"
    prepared: "Prepared"
    home: Path

    @cached_property
    def record(self) -> SearchRecord:
        """The search as it is stored."""
        return read_search(self.home, self.done.spec.name)

    @cached_property
    def note(self) -> str | None:
        """The description in Markdown; None without a full trial."""
        from tunesmith.results.note import result_note

        baselines: Sequence[Baseline] = self.done.baselines or ()
        return result_note(self.done.spec, self.done.family, self.done.result, baselines)

    @cached_property
    def music(self) -> "WinnerMusic":
        """Music by the winner."""
        from tunesmith.reports.page.winner import winner_music

        return winner_music(self.record, self.home, lambda _: self.prepared)

    @cached_property
    def _place(self) -> tuple[str, str, str]:
        return tracking_uri(self.done.spec, self.home), self.done.spec.family, self.record.study

    @property
    def is_logged(self) -> bool:
        """Whether MLflow has the report; True if that cannot be found out, since nothing can be written then."""
        from search.tracking.result import has_file

        try:
            return not self.done.result.is_tracked or has_file(*self._place, REPORT)
        except BadInputError:
            return True

    def attempt(self, write: Callable[[], None], failed: str) -> bool:
        """Return whether a function succeeded; if not, print a warning with the reason."""
        try:
            write()
        except KeyboardInterrupt:
            reason = "stopped"
        except Exception as error:  # noqa: BLE001  (a model, a writer or MLflow may raise anything)
            reason = error_line(error) if isinstance(error, BadInputError) else one_line(error)
        else:
            return True
        warn(f"{failed} ({reason}); to write it: {command('search', self.done.spec.name)}")
        return False

    def write_report(self, path: Path) -> None:
        """Write the report."""
        from data_prep.storage.atomic_write import atomic_write
        from tunesmith.reports.page.document import document

        atomic_write(path, document([self.record], {self.record.spec.name: self.music.for_player}).encode())

    def log(self, files: Sequence[Path]) -> None:
        """Write the description, the trials and files to MLflow."""
        from search.tracking.result import log_result
        from tunesmith.reports.trial_table import csv_text, rows, sorted_rows

        table = csv_text(sorted_rows(rows(self.record, self.done.family), "score", self.done.family))
        contents = {"trials.csv": table.encode(), **{file.name: file.read_bytes() for file in files}}
        log_result(*self._place, self.note or "", contents)

    def log_music(self) -> None:
        """Write the winner's music to MLflow."""
        from search.tracking.result import log_winner_files
        from tunesmith.results.music import write_music

        if self.music.examples:
            log_winner_files(*self._place, _MUSIC, partial(write_music, self.music.examples, self.done.spec.name))
