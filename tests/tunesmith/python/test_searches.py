"""Searches in Python."""

# notebooks call _repr_html_:
# pyright: reportPrivateUsage=false, reportUnknownMemberType=false

import json
import signal
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna import visualization

import tunesmith
from data_prep.errors import BadInputError
from tests.forked import Program
from tests.tunesmith.conftest import Place
from tunesmith.python.loaded_search import LoadedSearch

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("searched")]

CELL = """
import os
import sys

import tunesmith


def run_cell():
    try:
        search = tunesmith.search(
            "composer", name="cell", corpus="tunes", trials=2, epochs=4, slots=1, progress=True,
            settings={"size": (8, 12), "embedding": 8, "layers": 1, "batch_size": 8},
        )
    except KeyboardInterrupt as interrupt:
        return f"interrupted: {interrupt}"
    return f"{len(search.trials())} trials, the best is {search.best.name}"


print(run_cell(), flush=True)
import ray

print("Ray runs:", ray.is_initialized(), flush=True)
print(run_cell(), flush=True)
"""


@pytest.fixture
def tiny(searched: Place, monkeypatch: pytest.MonkeyPatch) -> LoadedSearch:
    monkeypatch.chdir(searched.folder)
    monkeypatch.setenv("TUNESMITH_CACHE", searched.environment()["TUNESMITH_CACHE"])
    return tunesmith.load_search("tiny")


def test_the_table_of_trials_is_that_of_the_command(tiny: LoadedSearch, searched: Place) -> None:
    table: Any = tiny.trials()
    printed = json.loads(searched.run("trials", "tiny", "--json").stdout)
    assert table.astype(object).where(table.notna(), None).to_dict("records") == printed
    assert list(table) == searched.run("trials", "tiny", "--csv").stdout.partition("\n")[0].split(",")
    best = tiny.best
    row = table.iloc[0]
    assert (best.number, best.score, best.standard_error) == (
        row["number"],
        row["nats_per_note"],
        row["nats_per_note_se"],
    )
    assert best.name == f"tiny/{best.number}"
    shown = json.loads(searched.run("show", best.name, "--json").stdout)
    assert best.settings.items() <= shown["spec"].items()


def test_the_study_is_for_the_pictures_of_optuna(tiny: LoadedSearch) -> None:
    study = tiny.study
    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert study.best_trial.number == tiny.best.number
    figures = (
        visualization.plot_optimization_history,
        visualization.plot_intermediate_values,
        visualization.plot_slice,
    )
    for draw in figures:
        assert draw(study).data
    with pytest.raises(BadInputError, match="can only be read"):
        study.set_user_attr("seen", value=True)
    own = optuna.create_study()
    own.add_trials(study.trials)
    assert own.best_value == study.best_value


def test_the_report_is_that_of_the_command(tiny: LoadedSearch, searched: Place, tmp_path: Path) -> None:
    written = tiny.report(tmp_path / "from-python.html")
    done = searched.run("report", "tiny", "--out", str(tmp_path / "from-command.html"))
    assert done.returncode == 0, done.stderr
    here, there = (path.read_text("utf-8") for path in (written, tmp_path / "from-command.html"))
    assert abs(len(here) - len(there)) < 0.01 * len(there)
    assert (
        here.partition("<body>")[2].partition("<script")[0].partition("<h2>Next")[0]
        == (there.partition("<body>")[2].partition("<script")[0].partition("<h2>Next")[0])
    )
    with pytest.raises(BadInputError, match=r"\(replace=True\)"):
        tiny.report(written)
    assert tiny.report(written, replace=True) == written


def test_a_finished_search_is_returned_at_once(tiny: LoadedSearch, capsys: pytest.CaptureFixture[str]) -> None:
    assert tunesmith.search("tiny", address="127.0.0.1:9") == tiny, "a finished search needs no cluster"
    assert capsys.readouterr() == ("", "")
    with pytest.raises(BadInputError, match=r"size \(8, now 16\).*\(name=\)"):
        tunesmith.search("tiny", settings={"size": 16})


def test_a_search_without_a_full_trial_has_no_best(tiny: LoadedSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from search.study import database

    real = database.read_search

    def without_trials(*arguments: Any) -> Any:
        return replace(real(*arguments), trials=())

    monkeypatch.setattr(database, "read_search", without_trials)
    with pytest.raises(BadInputError, match=r'tunesmith\.search\("tiny", time="none"\)'):
        _ = tiny.best
    assert "No trial has trained for its full budget yet" in tiny._repr_html_()


def test_a_notebook_shows_what_a_search_found(tiny: LoadedSearch) -> None:
    html = tiny._repr_html_()
    assert "tiny: composer on tunes, 4 folds" in html
    assert f"The best trial is #{tiny.best.number}" in html
    assert f'<td style="text-align: left; white-space: nowrap">#{tiny.best.number}</td>' in html


def test_an_interrupted_cell_loses_nothing_and_resumes(searched: Place, tmp_path: Path) -> None:
    script = tmp_path / "cell.py"
    script.write_text(CELL)
    with Program([], script=script, folder=searched.folder, environment=searched.environment()) as program:
        until = time.monotonic() + 120
        while "1 running" not in program.errors and time.monotonic() < until:
            time.sleep(0.05)
        program.send_signal(signal.SIGINT)
        printed, errors = program.communicate(240)
        assert program.wait() == 0, errors
    interrupted, ray, resumed, *rest = printed.splitlines()
    assert interrupted.startswith("interrupted: stopped after 0 of 2 trials; nothing recorded is lost"), errors
    assert ray == "Ray runs: False"
    assert resumed.startswith("2 trials, the best is cell/"), errors
    assert rest == []
    assert "1 of 2 trials: " in errors
    assert "Traceback" not in errors
