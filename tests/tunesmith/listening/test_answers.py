"""Answers that are edited, doubled, half-filled, cut off, or of another test."""

import json
from pathlib import Path
from typing import Any

import pytest

from data_prep.errors import BadInputError
from tests.tunesmith.listening.answering import find_human, lines_of, listener_id, loaded, write_answers
from tunesmith.listening.answers import read
from tunesmith.listening.log import AnswerLog


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("{not JSON", "it is not JSON"),
        ("[1, 2]", "it is not a JSON object"),
        pytest.param("[" * 100_000, "it is not JSON", id="deep"),
        ({"item": "i99"}, "there is no item 'i99'"),
        ({"answer": "nonsense"}, "the answer to a pair is one of its clips or 'cannot tell'"),
        ({"answer": {"a": 3}}, "the answer to a pair is one of its clips or 'cannot tell', got {"),
        ({"answer": 7}, "answer is wrong"),
        ({"sheet": 9999}, "there is no sheet 9999"),
        ({"sheet": -1}, "sheet is wrong"),
        ({"listener": "../../etc"}, "listener is wrong"),
        ({"heard": {"a": -1}}, "heard is wrong"),
        ({"test": "0123456789abcdef"}, "it is about another test, '0123456789abcdef'"),
        ({"test": None}, "it is about another test, None"),
        ('{"sheet": 0}', "test is wrong: Field required"),
    ],
)
def test_an_edited_file_is_refused_with_its_line(
    change: dict[str, Any] | str, message: str, pair: Path, tmp_path: Path
) -> None:
    test, key = loaded(pair)
    lines = lines_of(test, key, 1, find_human)
    path = write_answers(tmp_path / "sent.jsonl", lines[:2])
    with path.open("a") as file:
        file.write((change if isinstance(change, str) else json.dumps({**lines[2], **change})) + "\n")
    with pytest.raises(BadInputError, match="a file of answers must not be edited") as error:
        read(test, pair, [path])
    assert message in str(error.value)
    assert f"{path} line 3" in str(error.value)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 600


@pytest.mark.parametrize(
    ("rating", "message"),
    [(101, "got 101"), (-1, "got -1"), (50.5, r"got 50\.5"), ("9", "got '9'"), (True, "got True"), (None, "got None")],
)
def test_ratings_out_of_range_are_refused(rating: Any, message: str, ratings: Path, tmp_path: Path) -> None:
    test, key = loaded(ratings)
    lines = lines_of(test, key, 1, lambda conditions, _: [50] * len(conditions))
    first = next(iter(lines[1]["answer"]))
    lines[1]["answer"][first] = rating
    with pytest.raises(BadInputError, match=f"a rating is a whole number from 0 to 100, {message}"):
        read(test, ratings, [write_answers(tmp_path / "sent.jsonl", lines)])
    del lines[1]["answer"][first]
    with pytest.raises(BadInputError, match="each of an item's clips is rated once"):
        read(test, ratings, [write_answers(tmp_path / "sent.jsonl", lines)])


def test_an_item_of_another_sheet_or_a_second_sheet_is_refused(pair: Path, tmp_path: Path) -> None:
    test, key = loaded(pair)
    one = lines_of(test, key, 0, find_human)
    strange = next(name for name in test.items if name not in {each.item for each in test.sheets[0]})
    with pytest.raises(BadInputError, match="is not on sheet 0"):
        read(test, pair, [write_answers(tmp_path / "a.jsonl", [{**one[1], "item": strange}])])
    moved = {**lines_of(test, key, 1, find_human)[1], "listener": one[1]["listener"]}
    with pytest.raises(BadInputError, match="has sheet 0 and now"):
        read(test, pair, [write_answers(tmp_path / "b.jsonl", [one[1], moved])])


@pytest.mark.parametrize("kind", ["missing", "folder", "binary"])
def test_a_file_that_is_no_text_is_refused(kind: str, pair: Path, tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    if kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(BadInputError, match="a file of answers"):
        read(loaded(pair)[0], pair, [path])


def test_doubled_answers_are_counted_once_and_said(pair: Path, tmp_path: Path) -> None:
    test, key = loaded(pair)
    lines = lines_of(test, key, 1, find_human)
    path = write_answers(tmp_path / "sent.jsonl", lines)
    write_answers(pair / "answers.jsonl", lines)
    answers = read(test, pair, [path, path])
    assert len(answers.kept) == 3
    assert "6 answers given twice, counted once" in answers.remarks(test)


def test_of_different_answers_to_an_item_the_first_counts(pair: Path, tmp_path: Path) -> None:
    test, key = loaded(pair)
    lines = lines_of(test, key, 1, find_human)
    changed = {**lines[1], "answer": "cannot tell"}
    answers = read(test, pair, [write_answers(tmp_path / "sent.jsonl", [*lines, changed])])
    assert answers.kept[lines[1]["listener"], lines[1]["item"]].answer == lines[1]["answer"]
    assert "1 later answer that differed from the first, not counted" in answers.remarks(test)


def test_half_filled_sheets_are_counted_and_said(pair: Path, tmp_path: Path) -> None:
    test, key = loaded(pair)
    files = [
        write_answers(tmp_path / f"{number}.jsonl", lines_of(test, key, number, find_human, count=count))
        for number, count in enumerate((3, 1, 0))
    ]
    answers = read(test, pair, files)
    assert len(answers.kept) == 4
    assert answers.remarks(test) == [
        f"listener {listener_id(1)[:8]} answered 1 of 3 items",
        f"listener {listener_id(2)[:8]} answered 0 of 3 items",
    ]


def test_a_line_that_was_cut_off_is_left_out_and_said(pair: Path) -> None:
    test, key = loaded(pair)
    path = write_answers(pair / "answers.jsonl", lines_of(test, key, 1, find_human))
    path.write_bytes(path.read_bytes()[:-30])
    answers = read(test, pair, [])
    assert len(answers.kept) == 2
    assert "1 line cut off while being written, not counted" in answers.remarks(test)


@pytest.mark.parametrize(("answer", "words"), [(0, "A"), (1, "B"), ("cannot tell", "cannot tell")])
def test_a_listener_who_always_gives_one_answer_is_remarked_on(answer: Any, words: str, tmp_path: Path) -> None:
    from tests.tunesmith.listening.paper import paper_test

    test, key = paper_test("pair", 5, ("human", "flat"))
    path = write_answers(tmp_path / "sent.jsonl", lines_of(test, key, 0, lambda _conditions, _place: answer))
    other = write_answers(tmp_path / "other.jsonl", lines_of(test, key, 1, find_human))
    (remark,) = read(test, tmp_path, [path, other]).remarks(test)
    assert f"gave the same answer to all of 5 items: {words}; " in remark


def test_a_log_stores_an_answer_once_and_balances_sheets(pair: Path) -> None:
    test, key = loaded(pair)
    with AnswerLog(test, pair) as log:
        sheets = [log.begin(listener_id(number)) for number in range(2 * len(test.sheets))]
        assert sorted(sheets) == sorted([*range(len(test.sheets))] * 2)
        assert log.begin(listener_id(3)) == sheets[3]
        line = lines_of(test, key, 0, find_human)[1]
        assert log.record(listener_id(0), line)
        assert not log.record(listener_id(0), line)
        assert not log.record(listener_id(0), {**line, "answer": "cannot tell"})
        with pytest.raises(ValueError, match="there is no item"):
            log.record(listener_id(0), {**line, "item": "none"})
        with pytest.raises(ValueError, match="heard is wrong"):
            log.record(listener_id(0), {**line, "item": line["item"], "heard": {"a": float("nan")}})
        with pytest.raises(BadInputError, match="by one server at a time"), AnswerLog(test, pair):
            pass
    with AnswerLog(test, pair) as log:
        assert log.answered(listener_id(0)) == [line["item"]]
    assert len((pair / "answers.jsonl").read_text().splitlines()) == 2 * len(test.sheets) + 1


def test_an_answer_in_flight_is_dropped_when_the_log_opens_again(pair: Path) -> None:
    test, key = loaded(pair)
    path = write_answers(pair / "answers.jsonl", lines_of(test, key, 0, find_human)[:2])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"test": "half')
    with AnswerLog(test, pair) as log:
        assert len(log.answered(listener_id(0))) == 1
    assert path.read_bytes() == whole
    path.write_bytes(whole[:-1])
    with AnswerLog(test, pair) as log:
        assert len(log.answered(listener_id(0))) == 1
    assert path.read_bytes() == whole, "only its end was missing"
