"""Carry out requests to the running search, about once a second, between the events of Ray's loop."""

import time
from collections.abc import Callable

from data_prep.errors import BadInputError
from data_prep.wording import counted
from search.control.checks import changed_budget, checked_point
from search.control.mailbox import Letter, Mailbox
from search.control.requests import AddPoint, Answer, ChangeBudget, Request, StopTrial
from search.driver.failures import Failures
from search.driver.recorder import Recorder
from search.spec.sections import Budget, write_duration
from search.study.lease import StudyLostError
from search.study.states import DatabaseGoneError
from search.study.writer import Study

_PAUSE_S = 1.0
_STOPPED = "stopped on request"
"""The reason of a trial that was stopped by a request, as opposed to the scheduler."""

_WORDS = {"WAITING": "waits to start or resume", "COMPLETE": "is done", "PRUNED": "was stopped early", "FAIL": "failed"}


class Requests:
    """The requests to a running search. Every one can be carried out again, after the driver was killed."""

    def __init__(
        self, box: Mailbox, study: Study, recorder: Recorder, failures: Failures, change: Callable[[Budget], None]
    ) -> None:
        """Connect everything that a request may change.

        Args:
            box: The folder of requests.
            study: The search's study.
            recorder: Records the events.
            failures: Stores the errors that end the search.
            change: Changes the budget of the search.
        """
        self._box, self._study, self._recorder, self._failures, self._change = box, study, recorder, failures, change
        self._due = 0.0
        self._done: set[str] = set()

    def poll(self, kill: Callable[[int], None]) -> None:
        """Carry out the requests since the last call, at most once a second.

        Args:
            kill: Ends the training of a trial.
        """
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + _PAUSE_S
        with self._failures.guard():
            self._each(lambda name, request: self._carry_out(name, request, kill))

    def close(self) -> None:
        """Refuse the requests that came too late."""
        late = BadInputError("a request changes a search that trains", f"{self._study.search.name} is ending")
        with self._failures.guard():
            self._each(lambda _, __: Answer.refusal(late))

    def _each(self, act: Callable[[str, Request], Answer]) -> None:
        """Answer each request; a request or a folder that cannot be read or written never ends the search."""
        try:
            letters = [letter for letter in self._box.claim() if letter.name not in self._done]
            foreign = self._box.tidy()
        except OSError:
            return
        for name in foreign:
            self._recorder.message(f"{self._box.folder / name} belongs to no request; it was removed")
        for letter in letters:
            self._done.add(letter.name)
            if letter.request is None:
                self._recorder.message(self._no_request(letter))
                continue
            try:
                answer = act(letter.name, letter.request)
            except (StudyLostError, DatabaseGoneError):
                raise
            except BadInputError as error:
                answer = Answer.refusal(error)
            if answer.text:
                self._recorder.message(f"on request: {answer.text}")
            try:
                self._box.answer(letter.name, answer)
            except OSError as error:
                self._recorder.message(f"the answer to a request could not be written ({error.strerror})")

    def _no_request(self, letter: Letter) -> str:
        return f"{letter.name} in {self._box.folder} is not a request ({letter.problem}); it was removed"

    def _carry_out(self, name: str, request: Request, kill: Callable[[int], None]) -> Answer:
        match request:
            case ChangeBudget():
                return self._change_budget(request)
            case StopTrial(number=number):
                return self._stop(number, kill)
            case AddPoint():
                return self._add(name, request)

    def _change_budget(self, request: ChangeBudget) -> Answer:
        before, budget = self._study.search.budget, changed_budget(self._study.search, request)
        self._change(budget)
        num_finished = self._recorder.num_finished
        limits = {"trials": budget.trials, "time": write_duration(budget.time), "stop": budget.stop}
        facts = {**limits, "finished": num_finished}
        words = f"the budget of {self._study.search.name} is now {_in_words(budget)}, and was {_in_words(before)}"
        if budget.used(num_finished, self._study.seconds):
            words += "; it is used up, so the search ends"
        return Answer(text=f"{words}; {counted(num_finished, 'trial')} finished", facts=facts)

    def _stop(self, number: int, kill: Callable[[int], None]) -> Answer:
        name = f"{self._study.search.name}/{number}"
        try:
            record = self._study.record(number)
        except KeyError:
            raise BadInputError("only a trial that is training can be stopped", f"there is no {name}") from None
        if record.state != "RUNNING":
            raise BadInputError("only a trial that is training can be stopped", f"{name} {_WORDS[record.state]}")
        self._recorder.stopped(number, _STOPPED)
        kill(number)
        epochs = len(record.epochs)
        facts = {"trial": number, "state": "PRUNED", "epochs": epochs}
        return Answer(text=f"{name} was stopped after {counted(epochs, 'epoch')}", facts=facts)

    def _add(self, name: str, request: AddPoint) -> Answer:
        search = self._study.search
        point = checked_point(search, request.values)
        number, num_before = self._study.add_point(point, name)
        counts = self._study.counts()
        room = search.budget.trials - self._recorder.num_finished - counts.get("RUNNING", 0) > num_before
        facts = {"trial": number, "values": point, "before": num_before, "room": room}
        when = f"after {counted(num_before, 'point')} that already waits" if num_before == 1 else "next"
        when = f"after {num_before} others" if num_before > 1 else when
        words = f"{search.name}/{number} is queued and will be tried {when}"
        return Answer(text=words if room else f"{words}, if the budget is raised", facts=facts)


def _in_words(budget: Budget) -> str:
    time_limit = f" in {write_duration(budget.time)}" if budget.time is not None else " without a time limit"
    converged = ", or until it has converged" if budget.stop == "converged" else ""
    return f"{counted(budget.trials, 'trial')}{time_limit}{converged}"
