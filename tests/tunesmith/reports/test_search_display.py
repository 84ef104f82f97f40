import io

import pytest
from rich.console import Console

from models.metrics import NATS_PER_NOTE, ONSET_CORRELATION
from models.spec import Value
from tunesmith.reports.search_display import SearchDisplay

DEFAULTS: dict[str, Value] = {"cell": "lstm", "size": 128}


def display(*, terminal: bool) -> tuple[SearchDisplay, Console]:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    return SearchDisplay(console, title="composer on oneills", objective=NATS_PER_NOTE, defaults=DEFAULTS), console


def printed(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def play(observer: SearchDisplay) -> None:
    observer.search_started(trials=4, epochs=2, seconds=60, finished={"PRUNED": 1})
    observer.trial_started(1, {"cell": "gru", "size": 64})
    observer.trial_started(2, {"cell": "lstm", "size": 128})
    observer.epoch(1, 1, 2.9, 0.02)
    observer.epoch(2, 1, 2.5, 0.01)
    observer.epoch(2, 2, 2.25, 0.01)
    observer.trial_ended(2, "COMPLETE")
    observer.trial_started(3, {"cell": "rnn", "size": 16})
    observer.trial_ended(3, "FAIL", "nats_per_note is not finite at epoch 1: it diverged")


def test_the_best_trial_of_earlier_runs_is_shown() -> None:
    observer, console = display(terminal=False)
    observer.search_started(trials=4, epochs=1, seconds=None, finished={"COMPLETE": 1})
    observer.best_before(0, 2.2, 0.01)
    observer.epoch(1, 1, 2.3, 0.02)
    observer.trial_ended(1, "COMPLETE")
    observer.epoch(2, 1, 2.1, 0.02)
    observer.trial_ended(2, "COMPLETE")
    lines = printed(console).splitlines()
    assert "best so far #0: 2.200 ± 0.010 nats per note" in lines
    assert [line.startswith("#2") for line in lines if "(best so far)" in line] == [True]


@pytest.mark.parametrize("terminal", [False, True])
def test_the_gain_to_be_expected_is_shown(terminal: bool) -> None:
    observer, console = display(terminal=terminal)
    play(observer)
    observer.expected_gain(0.004, 0.011)
    line = "expected further gain 0.0040 nats per note (standard error of the folds 0.011)"
    if terminal:
        console.print(observer)
    assert line in printed(console)
    observer.search_ended()


def test_another_budget_is_shown() -> None:
    observer, console = display(terminal=True)
    play(observer)
    observer.budget_changed(trials=80, seconds=None)
    console.print(observer)
    text = printed(console)
    assert "of 80 trials" in text
    assert "left" not in text.splitlines()[-5:][0]
    observer.budget_changed(trials=80, seconds=7200)
    console.print(observer)
    assert "2 h 00 m left" in printed(console) or "1 h 59 m left" in printed(console)
    observer.search_ended()


def test_without_a_terminal_events_are_printed_as_lines() -> None:
    observer, console = display(terminal=False)
    play(observer)
    observer.search_ended()
    text = printed(console)
    assert "4 trials of up to 2 epochs, at most 1 m 00 s" in text
    assert "#2 done after 2 epochs: 2.250 ± 0.010  (best so far)" in text
    assert "#3 failed after 0 epochs  nats_per_note is not finite" in text
    assert "\x1b" not in text


def test_the_panel_shows_running_trials_states_and_the_best_trial() -> None:
    observer, console = display(terminal=True)
    play(observer)
    console.print(observer)
    observer.search_ended()
    text = printed(console).rsplit("composer on oneills", 1)[1]
    assert "3 of 4 trials" in text
    assert "1 done" in text
    assert "1 stopped early" in text
    assert "1 failed" in text
    assert "1 running" in text
    assert "#2  2.250 ± 0.010 nats per note" in text
    assert "epoch 1/2" in text
    assert "cell gru, size 64" in text


def test_a_trial_without_its_full_budget_is_never_the_best() -> None:
    observer, console = display(terminal=True)
    observer.search_started(trials=4, epochs=2, seconds=None, finished={})
    observer.trial_started(1, {})
    observer.epoch(1, 1, 0.1, 0.0)
    console.print(observer)
    observer.search_ended()
    assert "no trial has trained for its full budget yet" in printed(console)


def test_the_best_trial_of_a_maximised_metric_has_the_largest_value() -> None:
    console = Console(file=io.StringIO(), force_terminal=False, width=100, color_system=None)
    observer = SearchDisplay(console, title="a search", objective=ONSET_CORRELATION, defaults=DEFAULTS)
    observer.search_started(trials=2, epochs=1, seconds=None, finished={})
    for number, mean in enumerate((0.5, 0.25, 0.75)):
        observer.epoch(number, 1, mean, 0.1)
        observer.trial_ended(number, "COMPLETE")
    file = console.file
    assert isinstance(file, io.StringIO)
    ends = [line for line in file.getvalue().splitlines() if "done" in line]
    assert ["best so far" in line for line in ends] == [True, False, True]
