"""Requests to a search on a real Ray, from another thread or process, while it runs."""

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from models.families import FAMILIES
from models.spec import Value
from search.control.asking import NoAnswerError, ask, driver_of_search
from search.control.mailbox import Mailbox
from search.control.requests import AddPoint, Answer, ChangeBudget, Request, StopTrial
from search.study.database import folder, open_study, read_search
from tests.forked import Program
from tests.search.driver.killed_search import read_lines
from tests.search.driver.toy_searches import TOY, Listener, go, mlflow_runs, toy
from tests.search.programs import environment

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # Ray's and MLflow's own


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, "toy", TOY)


@pytest.fixture
def home(tracked_home: Path) -> Path:
    return tracked_home


def asked(home: Path, request: Request, patience_s: float = 10.0) -> Answer:
    driver = driver_of_search(home, "toys")
    assert driver is not None
    return ask(home, "toys", request, driver, patience_s)


def check_refusals(home: Path) -> None:
    for request, message in (
        (StopTrial(number=1), "toys/1 was stopped early"),
        (StopTrial(number=99), "there is no toys/99"),
        (AddPoint(values={"lr": 9.0}), r"the search has lr = \{ low = 0.001, high = 0.5, log = true \}: got 9.0"),
        (ChangeBudget(trials=0), "a budget must be legal"),
    ):
        with pytest.raises(BadInputError, match=message):
            asked(home, request)


POINTS: tuple[dict[str, Value], ...] = ({"lr": 0.2, "solver": "momentum", "momentum": 0.3}, {"lr": 0.3})


def change(home: Path, training: threading.Event) -> list[int]:
    """Change the running search from other terminals; return the trials of the points that were added."""
    assert training.wait(60)
    began = time.monotonic()
    answer = asked(home, ChangeBudget(trials=5, time="2h"))
    assert time.monotonic() - began < 5, "a request is carried out within seconds"
    assert answer.facts == {"trials": 5, "time": "2h", "stop": "budget", "finished": 0}
    with ThreadPoolExecutor(2) as terminals:  # two at once
        answers = [terminals.submit(asked, home, AddPoint(values=point)) for point in POINTS]
        added = [answer.result().facts["trial"] for answer in answers]
    assert asked(home, StopTrial(number=1)).facts["state"] == "PRUNED"
    check_refusals(home)
    asked(home, ChangeBudget(trials=4))
    return added


@pytest.mark.usefixtures("ray_session")
def test_a_running_search_is_changed(home: Path) -> None:
    training = threading.Event()

    def wake(number: int, epoch: int) -> None:
        if (number, epoch) == (1, 1):
            training.set()

    box = Mailbox(folder(home, "toys"))
    box.folder.mkdir(parents=True)
    (box.folder / "old.json").write_text("{")
    listener = Listener(wake=wake)
    with ThreadPoolExecutor(1) as elsewhere:
        changing = elsewhere.submit(change, home, training)
        search = toy(space__pause=0.6, budget__trials=3, budget__time="1h", scheduler__first_rung=9)
        outcome = go(search, home, listener)
        added = changing.result(10)
    assert (outcome.reason, outcome.budget.trials, outcome.budget.time) == ("trials", 4, 7200)
    stopped = outcome.trials[1]
    assert (stopped.state, stopped.reason) == ("PRUNED", "stopped on request")
    assert 1 <= len(stopped.epochs) < 9
    assert [trial.state for trial in outcome.trials if trial.number != 1] == ["COMPLETE"] * 3
    for point, number in zip(POINTS, added, strict=True):
        assert outcome.trials[number].values.items() >= point.items()
    assert sorted(added) == [2, 3], "they are tried before new proposals"
    messages = [event[1] for event in listener.events if event[0] == "message"]
    assert any("old in" in text and "is not a request" in text for text in messages)
    assert sum(text.startswith("on request: ") for text in messages) == 5
    assert list(box.folder.iterdir()) == []
    stored = read_search(home, "toys", TOY)
    assert (stored.spec.budget.trials, stored.driver) == (4, None)
    assert "trials = 4" in (folder(home, "toys") / "search.toml").read_text()
    tracked = mlflow_runs(home)
    assert (tracked["toys"].data.tags["trials"], tracked["toys"].data.tags["time"]) == ("4", "2h")
    assert (tracked["toys/1"].info.status, tracked["toys/1"].data.tags["reason"]) == ("FINISHED", "stopped on request")


def test_a_driver_killed_with_requests_leaves_none_half_done(home: Path) -> None:
    script = Path(__file__).parent.with_name("drive.py")
    program = Program([str(home), "3"], script=script, folder=home, environment=environment())
    read_lines(program.stdout, 2)
    program.send_signal(signal.SIGSTOP)  # a driver that does not answer, as one of an earlier version
    began = time.monotonic()
    with pytest.raises(NoAnswerError, match=r"that of toys did not, and nothing was changed .process \d+"):
        asked(home, StopTrial(number=0), 0.5)
    assert time.monotonic() - began < 5
    box = Mailbox(folder(home, "toys"))
    assert list(box.folder.iterdir()) == [], "it was withdrawn"
    box.post(AddPoint(values={"lr": 0.123}))
    claimed = box.post(AddPoint(values={"lr": 0.456}))
    (box.folder / f"{claimed}.json").rename(box.folder / f"{claimed}.claimed")  # killed just after it
    dead = driver_of_search(home, "toys")
    program.kill()
    program.wait()
    assert driver_of_search(home, "toys") is None
    assert dead is not None
    with pytest.raises(NoAnswerError, match="that of toys has just ended, and nothing was changed"):
        ask(home, "toys", StopTrial(number=0), dead)
    with Program([str(home), "4"], script=script, folder=home, environment=environment()) as resumed:
        out, _ = resumed.communicate(120)
    assert resumed.returncode == 0
    assert out.count("message on request: ") == 2
    trials = read_search(home, "toys", TOY).trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3]
    assert {trial.values["lr"] for trial in trials[2:]} == {0.123, 0.456}
    assert {trial.state for trial in trials} <= {"COMPLETE", "PRUNED"}
    assert {path.suffix for path in box.folder.iterdir()} == {".answer"}, (
        "nobody reads them; a later start removes them"
    )


@pytest.mark.parametrize("stored", ["in a journal", "in a database"])
def test_a_request_that_is_carried_out_again_changes_nothing(home: Path, stored: str) -> None:
    url = "" if stored == "in a journal" else f"sqlite:///{home}/study.db"
    with open_study(toy(study__url=url), TOY, home, "f") as study:
        driver = driver_of_search(home, "toys")
        assert driver is not None
        assert driver.process == os.getpid()
        assert study.add_point({"lr": 0.25}, "request-1") == (1, 1), "after the known good point"
        assert study.add_point({"lr": 0.25}, "request-1") == (1, 1)
        assert study.add_point({"lr": 0.25}, "request-2") == (2, 2)
        study.change_budget(study.search.budget.model_copy(update={"trials": 20}))
    assert read_search(home, "toys", TOY).spec.budget.trials == 20
    assert driver_of_search(home, "toys") is None
    assert driver_of_search(home, "none") is None
