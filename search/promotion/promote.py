"""From a trial to the registry: choose, refit, test once, compare, register; the champion's alias moves last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.corpora.named import resolve
from data_prep.corpora.provenance import Prepared
from data_prep.errors import Action, BadInputError
from data_prep.progress import Progress
from data_prep.wording import counted
from models.spec import Spec
from models.training import checkpoint
from search.code_version import code_version
from search.promotion.card import model_card
from search.promotion.evidence import Champion, Evidence, tested
from search.promotion.refit import RefitInputs, refit
from search.promotion.registration import Registration
from search.promotion.registry import Registry
from search.promotion.rule import (
    Candidate,
    Comparison,
    Incomparable,
    best_epoch,
    candidates,
    check_force,
    choose,
    compare,
    decide,
    named,
    selection_bias,
    with_sizes,
)
from search.promotion.sealed_test import SealedTest, recorded, run_test
from search.promotion.versions import Version
from search.spec.file import AnyFamily
from search.study.records import SearchRecord
from search.trials.sizes import num_parameters


@dataclass(frozen=True)
class PromotionPlan:
    """The trial to promote, and how.

    Attributes:
        candidates: The trials with their full budget, best first; those that tie with the best have sizes.
        chosen: The candidate to promote.
        asked: Whether a user named it; otherwise the rule chose it.
        spec: Its hyperparameters.
        epochs: Epochs of the refit.
        networks: Number of networks trained side by side; the model is their mean.
        model: The file of the refitted model.
    """

    candidates: list[Candidate]
    chosen: Candidate
    asked: bool
    spec: Spec
    epochs: int
    networks: int
    model: Path


def plan_promotion(
    record: SearchRecord, family: AnyFamily, data: Any, search_folder: Path, number: int | None, networks: int
) -> PromotionPlan:
    """Choose the trial to promote.

    Args:
        record: The search.
        family: Its family.
        data: Its open pieces.
        search_folder: Its folder.
        number: The trial that a user named; None to apply the rule.
        networks: Number of networks trained side by side; the model is their mean.

    Returns:
        The plan.

    Raises:
        BadInputError: If no trial has its full budget, or the named one does not.
    """
    objective = family.metrics[0]

    def spec_of(trial: int) -> Spec:
        return family.spec_type.from_values(record.trial(trial).values)

    unsized = candidates(record, objective)
    tied = {each.number: spec_of(each.number) for each in unsized if each.ties}
    sized = with_sizes(unsized, num_parameters(family, tied, record.fingerprint, lambda: data))
    chosen = choose(sized) if number is None else named(record, sized, number)
    return PromotionPlan(
        candidates=sized,
        chosen=chosen,
        asked=number is not None,
        spec=spec_of(chosen.number),
        epochs=best_epoch(record.trial(chosen.number), objective),
        networks=networks,
        model=search_folder / "promoted" / f"trial-{chosen.number:05d}.pt",
    )


@dataclass(frozen=True)
class PromotionResult:
    """The result of a promotion.

    Attributes:
        evidence: What the decision was based on.
        version: The registered version.
        is_new: Whether this promotion registered it, not an earlier one.
        test_is_new: Whether this promotion opened the test set, not an earlier one.
    """

    evidence: Evidence
    version: Version
    is_new: bool
    test_is_new: bool


class Promotion:
    """One promotion. Every step is saved, so an interrupted promotion resumes where it stopped."""

    def __init__(
        self, record: SearchRecord, family: AnyFamily, prepared: Prepared, search_folder: Path, registry: Registry
    ) -> None:
        """Check that the data is the search's.

        Args:
            record: The search.
            family: Its family.
            prepared: Its data.
            search_folder: Its folder; the caller holds the search's lock.
            registry: Where the model is registered.

        Raises:
            BadInputError: If the data has changed since the search.
        """
        if prepared.fingerprint != record.fingerprint:
            raise BadInputError(
                "a model is promoted on the data of its search",
                f"the fingerprint of {record.spec.data.corpus} was {record.fingerprint} and is now "
                f"{prepared.fingerprint}",
                remedy="restore its files, or start another search",
            )
        self._record, self._family, self._prepared = record, family, prepared
        self._folder, self._registry = search_folder, registry

    def run(self, plan: PromotionPlan, *, force: bool, reason: str, device: str, progress: Progress) -> PromotionResult:
        """Refit, test, compare, register, and move the alias if the evidence supports it.

        Args:
            plan: What to promote.
            force: Whether to move the alias regardless of the evidence, and to test a second trial.
            reason: The reason for ``force``.
            device: The device of the refit.
            progress: Shows the progress of the refit.

        Returns:
            The result.

        Raises:
            BadInputError: If another trial was tested before, or the registry cannot be used.
            TrialDivergedError: If the refit diverges.
        """
        check_force(force=force, reason=reason)
        test = recorded(self._folder)
        is_tested = test is not None and (test.trial, test.networks) == (plan.chosen.number, plan.networks)
        if test is not None and not is_tested and not force:
            raise self._tested_before(test, plan)
        self._registry.champion(self._family.name)  # fails now, not after the refit, if the registry cannot be used
        self._refit(plan, device, progress)
        if test is None or not is_tested:
            name, number = self._name(plan.chosen.number), plan.chosen.number
            test = run_test(
                self._family, self._prepared, plan.model, self._folder, name=name, trial=number, networks=plan.networks
            )
        with self._registry.deciding():
            evidence, version, is_new = self._decide(plan, test, force=force, reason=reason)
        return PromotionResult(evidence, version, is_new, not is_tested)

    def _name(self, trial: int) -> str:
        return f"{self._record.spec.name}/{trial}"

    def _tested_before(self, test: SealedTest, plan: PromotionPlan) -> BadInputError:
        earlier = f"{self._name(test.trial)} with {counted(test.networks, 'network')}"
        now = f"{self._name(plan.chosen.number)} with {counted(plan.networks, 'network')}"
        return BadInputError(
            "the sealed test is opened only once per search",
            f"{earlier} was tested on {test.at[:10]}, and promoting {now} after that would be choosing by the test",
            remedy="start another search, give a reason to force it, or promote the trial that was tested",
            action=Action(
                "repeat promotion", {"search": self._record.spec.name, "trial": test.trial, "networks": test.networks}
            ),
        )

    def _decide(
        self, plan: PromotionPlan, test: SealedTest, *, force: bool, reason: str
    ) -> tuple[Evidence, Version, bool]:
        """Compare with the current champion, register, and move the alias.

        The registry's lock excludes other promotions, except from another machine with another home folder: if one of
        those sets a champion meanwhile, the comparison is repeated just before the alias moves.
        """
        family, number = self._family.name, plan.chosen.number
        current = self._registry.champion(family)
        evidence = self._evidence(plan, test, current, force=force, reason=reason)
        version = self._registry.of_trial(family, self._record.study, number)
        is_new = version is None
        if version is None:
            card = model_card(evidence, self._family.not_for)
            version = self._registry.register(
                Registration(family, plan.model, card, evidence.to_data(), evidence.tags())
            )
        while (newest := self._registry.champion(family)) != current:
            current = newest
            evidence = self._evidence(plan, test, current, force=force, reason=reason)
        if current is None or current.version != version.version:
            if version.tags.get("decision") != evidence.decision.why:
                self._registry.record_decision(version, evidence.decision.why)
            if evidence.decision.moves:
                version = self._registry.set_champion(family, version.version, evidence.decision.why)
        return evidence, version, is_new

    def _refit(self, plan: PromotionPlan, device: str, progress: Progress) -> None:
        progress.start(plan.epochs, f"training {self._name(plan.chosen.number)} on all open pieces")
        inputs = RefitInputs(
            seed=self._record.spec.data.seed,
            trial=plan.chosen.number,
            family=self._family.name,
            epochs=plan.epochs,
            fingerprint=self._prepared.fingerprint,
            networks=plan.networks,
        )
        data, model = self._prepared.data, plan.model
        refit(self._family, plan.spec, data, model, inputs, device, lambda _: progress.advance(1))
        progress.finish()

    def _evidence(
        self, plan: PromotionPlan, test: SealedTest, current: Version | None, *, force: bool, reason: str
    ) -> Evidence:
        record, objective = self._record, self._family.metrics[0]
        champion, comparison = self._compare(test, current)
        return Evidence(
            search=record.spec.name,
            trial=plan.chosen.number,
            family=self._family.name,
            study=record.study,
            corpus=record.spec.data.corpus,
            repeats=record.spec.data.repeats,
            licence=resolve(record.spec.data.corpus).licence,
            fingerprint=record.fingerprint,
            seed=record.spec.data.seed,
            settings=plan.spec.model_dump(),
            objective=objective,
            folds=plan.chosen.score,
            num_seeds=plan.chosen.num_seeds,
            num_candidates=len(plan.candidates),
            num_tied=sum(each.ties for each in plan.candidates),
            best=plan.candidates[0].number,
            asked=plan.asked,
            bias=selection_bias(plan.candidates, plan.chosen, objective),
            epochs=plan.epochs,
            parameters=checkpoint.load(plan.model).extra["parameters"],
            size_bytes=plan.model.stat().st_size,
            test=test,
            champion=champion,
            comparison=comparison,
            decision=decide(comparison, force=force, reason=reason),
            code_version=code_version(),
        )

    def _compare(self, test: SealedTest, current: Version | None) -> tuple[Champion | None, Comparison | Incomparable]:
        if current is None:
            return None, "no champion"
        stored = self._registry.evidence(current)
        theirs = tested(stored, current.reference)
        champion = Champion(current.version, f"{stored['search']}/{stored['trial']}", theirs.scores.mean)
        if theirs.fingerprint != test.fingerprint or stored["objective"] != self._family.metrics[0].name:
            return champion, "other pieces"
        return champion, compare(test.scores, theirs.scores, self._family.metrics[0], seed=0)
