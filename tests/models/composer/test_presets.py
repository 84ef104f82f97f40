import subprocess
import sys

import pytest

from data_prep.errors import BadInputError
from models.composer.paper.presets import COMPOSER_PRESETS
from models.composer.spec import ComposerSpec
from models.families import family


def spec(name: str) -> ComposerSpec:
    return ComposerSpec.from_values(COMPOSER_PRESETS[name].values, name)


def test_the_papers_table_has_24_rows_and_19_distinct_ones() -> None:
    rows = [spec(f"table1/{number}") for number in range(1, 25)]
    assert len({row.model_dump_json() for row in rows}) == 19
    assert all(row.windows_per_epoch * row.epochs == 1000 for row in rows)
    assert all(row.initial == "tensorflow" for row in rows)


def test_keep_probabilities_are_converted_to_dropout() -> None:
    assert spec("table1/13").dropout == 0.2
    assert spec("table1/14").dropout == 0.4
    assert spec("table1/14").dropout_at_validation
    assert spec("table1/12").dropout == 0.0
    assert not spec("table1/12").dropout_at_validation


def test_the_papers_best_row_has_its_settings() -> None:
    best = spec("table1/24")
    assert (best.cell, best.layers, best.lr, best.length, best.size) == ("peephole", 1, 0.01, 96, 64)
    assert (best.beat, best.transpose, best.reading, best.vocabulary) == ("off", True, "literal", "corpus")
    assert "2.72566" in COMPOSER_PRESETS["table1/24"].source


def test_the_papers_rows_do_not_copy_and_the_recipe_does() -> None:
    assert all(spec(f"table1/{number}").copies == "off" for number in range(1, 25))
    assert spec("recipe").copies == "match+bars"


def test_a_changed_preset_drops_settings_that_no_longer_matter() -> None:
    best = COMPOSER_PRESETS["table1/24"].values
    assert ComposerSpec.changed(best, {}) == best
    changed = ComposerSpec.changed(best, {"cell": "gru"})
    assert changed == {**{name: value for name, value in best.items() if name != "initial"}, "cell": "gru"}
    assert ComposerSpec.from_values(changed).initial == "torch"


def test_a_change_without_effect_is_refused() -> None:
    changed = ComposerSpec.changed(COMPOSER_PRESETS["table1/24"].values, {"embedding": 64, "siez": 3})
    assert (changed["embedding"], changed["siez"]) == (64, 3)
    del changed["siez"]
    with pytest.raises(BadInputError, match="embedding = 64 changes nothing here: it needs input = factored"):
        ComposerSpec.from_values(changed)


def test_an_unknown_family_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(BadInputError, match="did you mean 'composer'"):
        family("composr")


def test_listing_families_does_not_import_torch() -> None:
    look = "from models.families import FAMILIES; list(FAMILIES['composer'].presets)"
    code = f"import sys; {look}; print('torch' in sys.modules)"
    actual = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert actual.stdout.strip() == "False"
