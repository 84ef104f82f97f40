"""A promotion of a search's trial, planned under the search's lock."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from models.families import family as find_family
from search.promotion.promote import Promotion, PromotionPlan, PromotionResult, plan_promotion
from search.promotion.rule import candidates
from search.spec.file import AnyFamily
from search.study.database import folder, read_search
from search.study.folder_lock import driver_lock
from search.study.records import SearchRecord
from search.tracking.client import tracking_uri
from tunesmith.console import err
from tunesmith.names.models import registry
from tunesmith.progress_bar import Bar
from tunesmith.searching.backend import ready_backend
from tunesmith.searching.data import prepared_data


@dataclass(frozen=True)
class PlannedPromotion:
    """A promotion that can be run.

    Attributes:
        record: The search.
        family: Its family.
        promotion: The promotion.
        plan: The trial to promote, and how.
    """

    record: SearchRecord
    family: AnyFamily
    promotion: Promotion
    plan: PromotionPlan

    def run(self, *, force: bool, reason: str) -> PromotionResult:
        """Train, test, compare and register the model; see ``Promotion.run``."""
        from models.training.device import best_device, use_threads

        ready_backend(self.record.spec.resources.backend)
        use_threads(1)  # as in a trial of a search; more threads are slower
        with Bar() as bar:
            return self.promotion.run(self.plan, force=force, reason=reason, device=best_device(), progress=bar)


@contextmanager
def planned_promotion(home: Path, name: str, trial: int | None, networks: int) -> Generator[PlannedPromotion]:
    """Plan a promotion, and hold the search until the end of the ``with`` block.

    Args:
        home: The home folder.
        name: The search's name.
        trial: The trial; None to choose it by the rule.
        networks: Number of networks of the model.

    Yields:
        The promotion.

    Raises:
        BadInputError: If there is no such search or trial, its data has changed, or a process runs it.
    """
    record = read_search(home, name)
    family = find_family(record.spec.family)
    candidates(record, family.metrics[0])  # raises if there are none, before any data is read
    place = folder(home, name)
    with driver_lock(place, name, lambda text: err.print(text, markup=False)):
        prepared = prepared_data(record.spec)
        models = registry(home, tracking_uri(record.spec, home))
        promotion = Promotion(record, family, prepared, place, models)
        plan = plan_promotion(record, family, prepared.data, place, trial, networks)
        yield PlannedPromotion(record, family, promotion, plan)
