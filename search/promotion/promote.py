"""The way of a trial to the registry: chosen, refitted, tested once, compared, registered; the alias moves last."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.corpora.named import resolve
from data_prep.corpora.provenance import Prepared
from data_prep.errors import BadInputError
from data_prep.progress import Progress
from data_prep.wording import counted
from models.family import EpochReport
from models.spec import Spec
from search.code_version import code_version
from search.promotion.card import model_card
from search.promotion.evidence import Champion, Evidence, tested
from search.promotion.refit import num_parameters, refit
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
from search.study.records import SearchRecord, TrialRecord


@dataclass(frozen=True)
class Choice:
    """What is put forward.

    Attributes:
        candidates: The trials with their full budget, best first, with sizes where the rule asks for them.
        chosen: The one of them.
        asked: Whether a user named it, instead of the rule.
        trial: It, as the study knows it.
        spec: Its settings.
        epochs: Epochs of its refit.
        networks: How many networks are trained side by side; the model is their mean.
        model: Where the refitted model is, or will be.
    """

    candidates: list[Candidate]
    chosen: Candidate
    asked: bool
    trial: TrialRecord
    spec: Spec
    epochs: int
    networks: int
    model: Path


def choose_trial(
    record: SearchRecord,
    family: AnyFamily,
    data: Any,
    search_folder: Path,
    number: int | None,
    networks: int,
) -> Choice:
    """Choose what is put forward: the named trial, or by the rule.

    Args:
        record: The search.
        family: Its family.
        data: Its open pieces.
        search_folder: Its folder.
        number: The trial that a user asks for; None leaves it to the rule.
        networks: How many networks the model is to be the mean of.

    Returns:
        The choice.

    Raises:
        BadInputError: If there is no full trial, or the named one is none.
    """
    objective = family.metrics[0]
    found = candidates(record, objective)

    def spec_of(trial: int) -> Spec:
        return family.spec_type.from_values(record.trial(trial).values)

    sizes = {
        one.number: num_parameters(family, spec_of(one.number), data, seed=record.spec.data.seed, trial=one.number)
        for one in found
        if one.ties
    }
    found = with_sizes(found, sizes)
    chosen = choose(found) if number is None else named(record, found, number)
    trial = record.trial(chosen.number)
    return Choice(
        candidates=found,
        chosen=chosen,
        asked=number is not None,
        trial=trial,
        spec=spec_of(chosen.number),
        epochs=best_epoch(trial, objective),
        networks=networks,
        model=search_folder / "promoted" / f"trial-{chosen.number:05d}.pt",
    )


@dataclass(frozen=True)
class Outcome:
    """What a promotion came to.

    Attributes:
        evidence: All that was looked at.
        version: The registered version.
        is_new: Whether this promotion registered it; an earlier one may have.
        test_is_new: Whether this promotion opened the test set.
    """

    evidence: Evidence
    version: Version
    is_new: bool
    test_is_new: bool


class Challenge:
    """One promotion; every step is kept, so that one that was interrupted goes on where it was."""

    def __init__(
        self, record: SearchRecord, family: AnyFamily, prepared: Prepared, search_folder: Path, registry: Registry
    ) -> None:
        """Take what is known.

        Args:
            record: The search.
            family: Its family.
            prepared: Its data.
            search_folder: Its folder; the caller holds the search.
            registry: Where the model goes.

        Raises:
            BadInputError: If the data is not the search's.
        """
        if prepared.fingerprint != record.fingerprint:
            raise BadInputError(
                f"a model is promoted on the data of its search: {record.spec.data.corpus} was {record.fingerprint} "
                f"and is {prepared.fingerprint} now; restore its files, or search them anew"
            )
        self._record, self._family, self._prepared = record, family, prepared
        self._folder, self._registry = search_folder, registry

    def run(self, choice: Choice, *, force: bool, reason: str, device: str, progress: Progress) -> Outcome:
        """Refit, test, compare, register, and move the alias if the evidence says so.

        Args:
            choice: What is put forward.
            force: Whether the alias moves whatever the evidence, and another trial may be tested than was before.
            reason: Why, with ``force``.
            device: Where the refit runs.
            progress: Told of the refit.

        Returns:
            What it came to.

        Raises:
            BadInputError: If another trial was tested before, or the registry cannot be used.
            TrialDivergedError: If the refit diverges.
        """
        check_force(force=force, reason=reason)
        test = recorded(self._folder)
        name = f"{self._record.spec.name}/{choice.chosen.number}"
        is_tested = test is not None and (test.trial, test.networks) == (choice.chosen.number, choice.networks)
        if test is not None and not is_tested and not force:
            earlier = f"{self._record.spec.name}/{test.trial} with {counted(test.networks, 'network')}"
            raise BadInputError(
                f"the sealed test is opened once in a search: it was for {earlier} on {test.at[:10]}, and choosing "
                f"{name} with {counted(choice.networks, 'network')} now would be choosing by the test; promote --trial "
                f"{test.trial} --networks {test.networks}, or start another search (--force --reason does it all the "
                "same)"
            )
        self._registry.champion(self._family.name)  # a registry that is not there is found out now
        self._refit(choice, device, progress)
        if test is None or not is_tested:
            test = run_test(self._family, self._prepared, choice.model, self._folder, name=name)
        with self._registry.deciding():
            evidence, version, is_new = self._decide(choice, test, force=force, reason=reason)
        return Outcome(evidence, version, is_new, not is_tested)

    def _decide(self, choice: Choice, test: SealedTest, *, force: bool, reason: str) -> tuple[Evidence, Version, bool]:
        """Compare with the champion of now, register, and move the alias.

        The registry's lock keeps others out where it reaches. A champion that came from elsewhere meanwhile, as by a
        machine with another home folder, is seen just before the alias moves, and compared with too.
        """
        family, number = self._family.name, choice.chosen.number
        current = self._registry.champion(family)
        evidence = self._evidence(choice, test, current, force=force, reason=reason)
        version = self._registry.of_trial(family, self._record.study, number)
        is_new = version is None
        if version is None:
            version = self._registry.register(self._registration(choice, evidence))
        while (newest := self._registry.champion(family)) != current:
            current = newest
            evidence = self._evidence(choice, test, current, force=force, reason=reason)
        if current is None or current.version != version.version:
            if version.tags.get("decision") != evidence.decision.why:
                self._registry.record_decision(version, evidence.decision.why)
            if evidence.decision.moves:
                version = self._registry.set_champion(family, version.version, evidence.decision.why)
        return evidence, version, is_new

    def _registration(self, choice: Choice, evidence: Evidence) -> Registration:
        return Registration(
            family=self._family.name,
            model=choice.model,
            card=model_card(evidence, self._family.not_for),
            evidence=evidence.to_data(),
            tags=evidence.tags(),
        )

    def _refit(self, choice: Choice, device: str, progress: Progress) -> None:
        def advance(report: EpochReport) -> None:
            del report
            progress.advance(1)

        progress.start(choice.epochs, f"training {self._record.spec.name}/{choice.chosen.number} on all open pieces")
        refit(
            self._family,
            choice.spec,
            self._prepared.data,
            choice.model,
            seed=self._record.spec.data.seed,
            trial=choice.chosen.number,
            epochs=choice.epochs,
            networks=choice.networks,
            fingerprint=self._prepared.fingerprint,
            device=device,
            report=advance,
        )
        progress.finish()

    def _evidence(
        self, choice: Choice, test: SealedTest, current: Version | None, *, force: bool, reason: str
    ) -> Evidence:
        from models.training import checkpoint  # noqa: PLC0415  (torch)

        record, objective = self._record, self._family.metrics[0]
        champion, comparison = self._compare(test, current)
        return Evidence(
            search=record.spec.name,
            trial=choice.chosen.number,
            family=self._family.name,
            study=record.study,
            corpus=record.spec.data.corpus,
            repeats=record.spec.data.repeats,
            licence=resolve(record.spec.data.corpus).licence,
            fingerprint=record.fingerprint,
            seed=record.spec.data.seed,
            settings=choice.spec.model_dump(),
            objective=objective,
            folds=choice.chosen.score,
            num_candidates=len(choice.candidates),
            num_tied=sum(one.ties for one in choice.candidates),
            best=choice.candidates[0].number,
            asked=choice.asked,
            bias=selection_bias(choice.candidates, choice.chosen, objective),
            epochs=choice.epochs,
            parameters=checkpoint.load(choice.model).extra["parameters"],
            size_bytes=choice.model.stat().st_size,
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
