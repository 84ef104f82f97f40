"""The folds of a search file: a number, or a holdout's share."""

import pytest

from data_prep.errors import BadInputError
from search.spec.file import parse
from search.spec.sections import Data, read_folds


@pytest.mark.parametrize(
    ("text", "parts", "folds", "title"),
    [
        ("4", 4, 4, "4 folds"),
        ('"holdout:0.05"', 20, 1, "5 % held out"),
        ('"holdout:.25"', 4, 1, "25 % held out"),
    ],
)
def test_folds_are_parsed_and_written(text: str, parts: int, folds: int, title: str) -> None:
    search = parse(f"[data]\nfolds = {text}\n", "s.toml")
    data = search.data
    assert (data.num_parts, data.num_folds, data.folds_title) == (parts, folds, title)
    assert parse(search.to_toml(), "again") == search


@pytest.mark.parametrize(
    "text", ["1", "21", '"4"', '"holdout"', '"holdout:0.9"', '"holdout:nan"', "true", '"5%"', "2.5"]
)
def test_illegal_folds_are_refused_with_the_rule(text: str) -> None:
    with pytest.raises(BadInputError, match=r'folds are a number from 2 to 20, or "holdout:SHARE" .*\[data\]|line 2'):
        parse(f"[data]\nfolds = {text}\n", "s.toml")


def test_an_option_is_read_like_a_file() -> None:
    assert Data(folds=read_folds("5", "--folds")).num_folds == 5
    assert Data(folds=read_folds("holdout:0.1", "--folds")).num_parts == 10
    for text in ("x", "99", "1", "9" * 5000):
        with pytest.raises(BadInputError, match=r"folds are a number from 2 to 20.*\(--folds\)"):
            read_folds(text, "--folds")
