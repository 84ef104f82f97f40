"""Comparison of two independent ABC readers on real tunes."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.data_prep.readers.abc.abc_comparison import EXPLAINED, compare


def _folder(name: str) -> Path:
    spec = find_spec("music21")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "corpus" / name


@pytest.mark.parametrize(
    ("corpus", "every", "num_tunes"), [("oneills1850", 5, 349), ("ryansMammoth", 8, 133), ("airdsAirs", 6, 200)]
)
def test_both_readers_return_the_same_rows(corpus: str, every: int, num_tunes: int) -> None:
    tunes = [tune for path in sorted(_folder(corpus).glob("*.abc"))[::every] for tune in compare(path)]
    assert len(tunes) == num_tunes
    unexplained = [tune for tune in tunes if (tune.file, tune.tune) not in EXPLAINED]
    assert min(tune.num_rows for tune in unexplained) > 0
    assert [tune for tune in unexplained if not tune.is_same] == []
