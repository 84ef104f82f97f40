import re

from search.code_version import code_version


def test_code_version_has_the_version_and_in_a_checkout_the_commit() -> None:
    assert re.fullmatch(r"\d+(\.\d+)*(\+g[0-9a-f]{8,}(-dirty)?)?", code_version())
