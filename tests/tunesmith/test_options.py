import pytest

from data_prep.errors import BadInputError
from tunesmith.options import read_settings


def test_values_are_parsed_as_numbers_flags_or_words() -> None:
    pairs = ["layers=2", "lr=1e-3", "transpose=true", "cell=gru", " head = token "]
    assert read_settings(pairs) == {"layers": 2, "lr": 1e-3, "transpose": True, "cell": "gru", "head": "token"}


@pytest.mark.parametrize("pair", ["layers", "=2", "layers=", ""])
def test_a_pair_without_name_or_value_is_rejected(pair: str) -> None:
    with pytest.raises(BadInputError, match="name=value"):
        read_settings([pair])


def test_other_json_values_are_words() -> None:
    assert read_settings(["a=null", "b=[1]", 'c="x"']) == {"a": "null", "b": "[1]", "c": '"x"'}
