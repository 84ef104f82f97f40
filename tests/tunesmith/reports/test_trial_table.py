"""The table of a search's trials on wide and narrow terminals."""

import io
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import optuna
import pytest
from rich.console import Console

from models.families import family as find_family
from models.family import EpochReport
from models.metrics import FoldValues
from search.spec.file import load
from search.study.records import EpochRecord, SearchRecord, TrialRecord
from tunesmith.reports import trial_table

if TYPE_CHECKING:
    from search.study.states import StateName

DIVERGED = "nats_per_note is not finite at epoch 3: it diverged; try a lower lr"


def record(family_name: str) -> SearchRecord:
    """Return a search of the built-in space, with sampled settings and a trial in every state."""
    family, spec = find_family(family_name), load(family_name)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    scores = {metric.name: FoldValues((2.4312, 2.5, 2.45, 2.39)) for metric in family.metrics}
    ends: list[tuple[StateName, int, str]] = [
        ("COMPLETE", 27, ""),
        ("PRUNED", 3, ""),
        ("RUNNING", 4, ""),
        ("WAITING", 1, ""),
        ("FAIL", 2, DIVERGED),
    ]
    trials = [
        TrialRecord(
            number,
            state,
            spec.space(study.ask()),
            tuple(EpochRecord(EpochReport(epoch + 1, scores, 151.0), 0) for epoch in range(epochs)),
            None,
            None,
            reason,
        )
        for number, (state, epochs, reason) in enumerate(ends, 98)
    ]
    return SearchRecord(spec, tuple(trials), "f", 100.0, "s")


def printed(
    family: str, width: int, monkeypatch: pytest.MonkeyPatch, searched: SearchRecord | None = None
) -> list[str]:
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    monkeypatch.setattr(trial_table, "out", console)
    searched = searched or record(family)
    rows = trial_table.rows(searched, find_family(family))
    trial_table.print_table(searched, find_family(family), rows)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("family", ["composer", "stylenet"])
@pytest.mark.parametrize("width", [60, 80, 120, 160, 400])
def test_lines_fit_the_terminal_and_words_are_not_broken(
    family: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(family, width, monkeypatch)
    assert max(map(len, lines)) <= width
    whole = printed(family, 4000, monkeypatch)
    words = set(re.findall(r"\S+", "\n".join(whole)))
    assert set(re.findall(r"\S+", "\n".join(lines))) <= words
    for number, state in zip(
        range(98, 103), ("done", "stopped early", "running", "interrupted", "failed"), strict=True
    ):
        (line,) = (line for line in lines if re.match(rf" *#{number} ", line))
        assert f"  {state}  " in line
        assert "2.443 ± 0.023" in line


@pytest.mark.parametrize("family", ["composer", "stylenet"])
def test_settings_are_printed_below_on_a_narrow_terminal_and_are_not_cut(
    family: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    wide = printed(family, 4000, monkeypatch)
    settings = wide[2][wide[0].index("searched settings that") :].split(", ")
    for width in (60, 80):
        lines = printed(family, width, monkeypatch)
        assert lines[1].strip() == "searched settings that differ from the defaults"
        first = next(at for at, line in enumerate(lines) if "#99 " in line)
        last = next(at for at, line in enumerate(lines) if "#100 " in line)
        below = lines[first + 1 : last]
        assert all(line.startswith(" " * 7) and line.strip() for line in below)
        assert [name for line in below for name in line.strip().strip(",").split(", ")] == settings
        assert DIVERGED in " ".join(line.strip() for line in lines[lines.index(below[-1]) :])


def test_a_trial_that_was_stopped_on_request_is_printed_with_the_reason_and_its_settings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    searched = record("composer")
    stopped = replace(searched.trials[1], reason="stopped on request")
    searched = replace(searched, trials=(searched.trials[0], stopped, *searched.trials[2:]))
    line = next(line for line in printed("composer", 4000, monkeypatch, searched) if "#99 " in line)
    assert "stopped on request; " in line
    assert "lr " in line
