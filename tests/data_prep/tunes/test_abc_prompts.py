"""Prompts that are typed as ABC: tunes, bare notes, and errors with their places."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.tunes.abc_prompts import MAX_CHARACTERS, BadAbcError, read_abc


def test_bare_notes_are_in_the_key_and_metre_that_are_chosen() -> None:
    tune, remarks = read_abc("GABc d2 f", key="G", metre=(6, 8))
    assert (tune.pitch, tune.fifths, tune.metre, remarks) == ((67, 69, 71, 72, 74, 78), 1, (6, 8), [])


def test_a_tune_has_its_own_key_and_metre() -> None:
    tune, remarks = read_abc("X:3\r\nM:3/4\r\nL:1/4\r\nK:Dm\r\nDFA|\r\n\r\nX:4\r\nK:C\r\nC", key="G", metre=(6, 8))
    assert (tune.pitch, tune.fifths, tune.mode, tune.metre, remarks) == ((62, 65, 69), -1, "minor", (3, 4), [])
    assert read_abc("K:G\nGABc", key="C", metre=(2, 4))[1] == ["it states no metre; 4/4 is assumed"]


@pytest.mark.parametrize(
    ("text", "problem", "marked"),
    [
        ("d2 ^^^f", "a note has at most a double sharp or a double flat", (1, "^^^f")),
        ("  AB c/0 d", "a length cannot be divided by 0: got /0", (1, "c/0")),
        ("AB\nc [A^/2B] d", "microtones cannot be read: got ^/2B", (2, "^/2B")),
        ("X:1\nK:D\n d2 f/0 a", "a length cannot be divided by 0: got /0", (3, "f/0")),
        ("X:1\nK:H\nabc", "a key begins with its tonic, A to G: got K:H", (2, "K:H")),
        ("M:6/8\nL:q\nK:D\nABc", "a unit note length is written like 1/8: got L:q", (2, "L:q")),
        ("X:1\nT:foo\nabc", "a tune's header ends with its key (K:), and there is none", None),
        ("z4 z4", "there are no notes in it", None),
        (" ", "it is empty", None),
        ("A" * (MAX_CHARACTERS + 1), "it has more than 20,000 characters", None),
    ],
)
def test_an_error_has_its_place(text: str, problem: str, marked: tuple[int, str] | None) -> None:
    with pytest.raises(BadAbcError) as caught:
        read_abc(text, key="C", metre=(4, 4))
    error = caught.value
    assert str(error) == f"a prompt is a tune in ABC, or its notes: {problem}"
    if marked is None:
        assert error.line == 0
    else:
        assert (error.line, text.split("\n")[error.line - 1][error.begin : error.end]) == marked


@given(st.text("ABcd2/|:[](){}<>^_=zKLMX%-\n \"'!~", max_size=40))
def test_any_text_is_read_or_refused_with_a_place_in_it(text: str) -> None:
    error = None
    try:
        assert read_abc(text, key="C", metre=(4, 4))[0].num_notes > 0
    except BadAbcError as refused:
        error = refused
    if error is not None and error.line:
        assert 0 <= error.begin <= error.end <= len(text.split("\n")[error.line - 1])
