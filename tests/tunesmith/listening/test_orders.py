"""Balance of orders, by enumeration."""

from collections import Counter
from itertools import pairwise, product

import pytest

from data_prep.randomness import stream
from tunesmith.listening.orders import pair_sheets, screen_sheets, williams

SIZES = [(2, 1), (3, 1), (3, 2), (4, 3), (5, 2), (7, 3), (10, 1), (10, 3)]


@pytest.mark.parametrize("count", range(2, 13))
def test_each_item_is_everywhere_and_follows_each_other_equally_often(count: int) -> None:
    rows = williams(count)
    assert all(sorted(row) == list(range(count)) for row in rows)
    times = len(rows) // count
    places = Counter((place, item) for row in rows for place, item in enumerate(row))
    assert places == dict.fromkeys(product(range(count), repeat=2), times)
    following = Counter(pair for row in rows for pair in pairwise(row))
    assert following == {pair: times for pair in product(range(count), repeat=2) if pair[0] != pair[1]}


@pytest.mark.parametrize(("passages", "versions"), SIZES)
def test_each_pair_is_at_each_place_and_on_each_side_equally_often(passages: int, versions: int) -> None:
    sheets = pair_sheets(passages, versions, stream(1, "orders"))
    assert len(sheets) == len(williams(passages)) * versions * 2
    counts = Counter((place, *pair) for sheet in sheets for place, pair in enumerate(sheet))
    cells = product(range(passages), range(passages), range(versions), (False, True))
    assert counts == dict.fromkeys(cells, len(williams(passages)) // passages)


@pytest.mark.parametrize(("passages", "versions"), SIZES)
def test_a_listener_hears_each_passage_once_with_all_versions_and_sides_in_balance(
    passages: int, versions: int
) -> None:
    sheets = pair_sheets(passages, versions, stream(2, "orders"))
    for sheet in sheets:
        assert sorted(pair.passage for pair in sheet) == list(range(passages))
        per_version = Counter(pair.version for pair in sheet)
        assert max(per_version.values()) - min(per_version[version] for version in range(versions)) <= 1
        assert abs(2 * sum(pair.human_first for pair in sheet) - passages) <= 1
    for one, other in zip(sheets[::2], sheets[1::2], strict=True):
        assert [pair[:2] for pair in one] == [pair[:2] for pair in other]
        assert all(pair.human_first != mirrored.human_first for pair, mirrored in zip(one, other, strict=True))


@pytest.mark.parametrize(("passages", "versions"), [(2, 2), (3, 2), (3, 4), (4, 3), (6, 4), (5, 3)])
def test_each_version_of_each_passage_is_at_each_place_of_the_screen_equally_often(
    passages: int, versions: int
) -> None:
    sheets = screen_sheets(passages, versions, stream(1, "orders"))
    places = Counter((place, screen.passage) for sheet in sheets for place, screen in enumerate(sheet))
    assert places == dict.fromkeys(product(range(passages), repeat=2), len(sheets) // passages)
    on_screen = Counter(
        (screen.passage, version, place)
        for sheet in sheets
        for screen in sheet
        for place, version in enumerate(screen.versions)
    )
    cells = product(range(passages), range(versions), range(versions))
    assert on_screen == dict.fromkeys(cells, len(sheets) // versions)


def test_the_seed_decides_the_orders() -> None:
    one, again, other = (pair_sheets(6, 2, stream(seed, "orders")) for seed in (1, 1, 2))
    assert one == again != other
