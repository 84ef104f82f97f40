"""The contract of families, for all registered families and that of the tutorial."""

from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from models.families import FAMILIES, reference_of, register
from models.family import EpochReport, Family, Training
from models.metrics import of_style
from models.spec import Spec
from models.training import checkpoint
from search.spec.built_in import default_search
from search.spec.file import parse
from tests.models.ngram_family.family import Ngram
from tests.models.toy_melodies import melodies_of, random_pieces
from tests.models.toy_performances import STYLES, random_performances

DATA: dict[str, Any] = {
    "melodies": melodies_of(random_pieces(24), [piece % 4 for piece in range(24)]),
    "performances": random_performances(),
}
"""Small data of each kind in four folds."""

AnyFamily = Family[Any, Any]

EVERY: list[AnyFamily] = [*FAMILIES.values(), Ngram()]

pytestmark = pytest.mark.parametrize("family", EVERY, ids=[family.name for family in EVERY])


def short(family: AnyFamily) -> Spec:
    return family.spec_type.from_values({"epochs": 3})


def start(family: AnyFamily, spec: Spec, *, seed: int = 0, trial: int = 0) -> Training:
    return family.start(spec, DATA[family.data_kind], seed=seed, trial=trial, device="cpu")


def numbers(reports: list[EpochReport]) -> list[Any]:
    return [(report.epoch, {name: folds.values for name, folds in report.metrics.items()}) for report in reports]


def test_a_family_is_registered_under_its_name(family: AnyFamily, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FAMILIES, family.name, family)  # undone after the test
    register(reference_of(family.name))
    assert type(FAMILIES[family.name]) is type(family)
    assert family.summary
    assert "\n" not in family.summary


def test_the_default_search_is_the_familys(family: AnyFamily) -> None:
    assert default_search(family)["name"] == family.name
    assert parse("", "empty.toml", family=family).name == family.name
    assert family.columns[0] is family.metrics[0]


def test_examples_of_requests_have_the_required_columns(family: AnyFamily) -> None:
    serving = family.serving()
    names = {column.name for column in serving.inputs}
    for row in serving.examples:
        assert {column.name for column in serving.inputs if column.required} <= set(row) <= names


def test_names_of_metrics_are_unique(family: AnyFamily) -> None:
    names = [metric.name for metric in family.metrics]
    assert names
    assert len(set(names)) == len(names)


def test_conditions_of_settings_name_earlier_settings(family: AnyFamily) -> None:
    settings = family.spec_type.settings()
    assert "epochs" in settings
    earlier: set[str] = set()
    for name, setting in settings.items():
        assert setting.meaning
        assert set(setting.when) <= earlier
        earlier.add(name)


def test_presets_are_legal_and_state_their_source(family: AnyFamily) -> None:
    for name, preset in family.presets.items():
        assert preset.name == name
        assert preset.source
        family.spec_type.from_values(preset.values, name)


def test_reports_have_consecutive_epochs_and_all_metrics_on_all_folds(family: AnyFamily) -> None:
    training = start(family, short(family))
    reports = list(training.epochs())
    assert [report.epoch for report in reports] == [1, 2, 3]
    assert training.num_parameters > 0
    names = {metric.name for metric in family.metrics}
    of_styles = {of_style(metric, style) for metric in family.metrics for style in STYLES}
    for report in reports:
        assert names <= set(report.metrics) <= names | of_styles
        assert all(len(folds.values) == 4 and folds.is_finite for folds in report.metrics.values())
        assert report.seconds > 0


def test_equal_seeds_and_trial_numbers_give_equal_reports(family: AnyFamily) -> None:
    first, second = (numbers(list(start(family, short(family), seed=5, trial=2).epochs())) for _ in range(2))
    assert first == second


def test_a_restored_trial_continues_identically(family: AnyFamily, tmp_path: Path) -> None:
    uninterrupted = list(start(family, short(family)).epochs())
    interrupted = start(family, short(family))
    begun = list(islice(interrupted.epochs(), 1))
    checkpoint.save(tmp_path / "trial.pt", interrupted.state(), short(family), {})
    resumed = start(family, short(family))
    resumed.restore(checkpoint.load(tmp_path / "trial.pt").training)
    assert numbers(begun + list(resumed.epochs())) == numbers(uninterrupted)


def test_baselines_are_scored_on_all_folds(family: AnyFamily) -> None:
    baselines = family.baselines(DATA[family.data_kind])
    assert baselines
    assert all(len(baseline.score.values) == 4 and baseline.score.is_finite for baseline in baselines)
