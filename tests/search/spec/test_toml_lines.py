import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from search.spec.toml_lines import key_lines, line_of

TEXT = '''# a comment with key = 1
name = "x"  # [not a table]
budget.trials = 3
[space]
lr = { low = 1, high = 2 } # no
# size = 3
list = [
  1,
  # size = 5
  2, ]
text = """
fake = 1
[fake]
"""
"quoted key" = 1

[[prior]]
lr = 1
[[prior]]
lr = 2
size = 3
'''


def test_key_lines_returns_the_line_of_each_key() -> None:
    lines = key_lines(TEXT)
    assert lines["name",] == 2
    assert lines["budget", "trials"] == 3
    assert lines["space",] == 4
    assert lines["space", "lr"] == 5
    assert lines["space", "list"] == 7
    assert lines["space", "text"] == 11
    assert lines["space", "quoted key"] == 15
    assert lines["prior", 0, "lr"] == 18
    assert lines["prior", 1, "size"] == 21
    assert ("space", "size") not in lines
    assert ("space", "fake") not in lines


def test_a_missing_key_has_the_line_of_its_table() -> None:
    lines = key_lines(TEXT)
    assert line_of(lines, ("space", "missing")) == 4
    assert line_of(lines, ("nowhere", "missing")) is None


_KEYS = st.lists(st.text("abcdef_-123", min_size=1, max_size=4), min_size=1, max_size=5, unique=True)
_VALUES = st.sampled_from(["1", '"a = 1"', "'[x]'", "[1,\n 2,\n]", '"""\nk = 1\n[t]\n"""', "'''\nz = 2\n'''", '"\\"["'])


@given(st.dictionaries(st.text("tuvw", min_size=1, max_size=3), st.lists(st.tuples(_KEYS, _VALUES), max_size=3)))
def test_key_lines_of_a_generated_file_are_correct(tables: dict[str, list[tuple[list[str], str]]]) -> None:
    lines: list[str] = []
    expected: dict[tuple[str, ...], int] = {}
    for table, groups in tables.items():
        lines.append(f"[{table}]  # k = [")
        expected[table,] = len(lines)
        used: set[str] = set()
        for keys, value in groups:
            for key in keys:
                if key not in used:
                    used.add(key)
                    expected[table, key] = len(lines) + 1
                    lines += f"  {key} = {value}  # ] }}".split("\n")
    text = "\n".join(lines)
    parsed: dict[str, Any] = tomllib.loads(text)
    assert key_lines(text) == expected
    assert {(table, key) for table, keys in parsed.items() for key in keys} == {
        path for path in expected if len(path) > 1
    }
