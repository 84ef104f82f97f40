"""The version check of stored formats."""

import pytest

from data_prep.errors import BadInputError
from data_prep.storage.format import check_format


def test_only_a_newer_format_is_rejected() -> None:
    for written in (1, 2):
        check_format("tables", written, 2, "a.bin")
    with pytest.raises(BadInputError) as caught:
        check_format("tables", 3, 2, "a.bin")
    assert str(caught.value) == (
        "this version of tunesmith reads tables up to format 2: got format 3 (a.bin); upgrade tunesmith"
    )
