"""Performances of a folder, with style and composition by its subfolders or its index."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from data_prep.corpora.named import corpora, resolve
from data_prep.errors import BadInputError
from data_prep.performances.files import digests, entries, fingerprint


def _touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def _index(folder: Path, rows: Sequence[Sequence[str]], columns: Sequence[str] = ("file", "genre")) -> None:
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])


def test_the_first_folder_is_the_style(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/b.mid", "jazz/x/a.MIDI", "classical/c.mid", "classical/.hidden.mid", "classical/c.txt")
    listed = entries(resolve(str(tmp_path)))
    assert [(entry.name, entry.style) for entry in listed] == [
        ("classical/c.mid", "classical"),
        ("jazz/b.mid", "jazz"),
        ("jazz/x/a.MIDI", "jazz"),
    ]
    assert {entry.composition for entry in listed} == {None}


def test_a_folder_without_subfolders_has_one_style(tmp_path: Path) -> None:
    listed = entries(resolve(str(_touch(tmp_path, "b.mid", "a.mid"))))
    assert [(entry.name, entry.style) for entry in listed] == [("a.mid", "all"), ("b.mid", "all")]


def test_a_file_outside_the_folders_of_styles_is_reported(tmp_path: Path) -> None:
    _touch(tmp_path, "jazz/b.mid", "lost.mid")
    with pytest.raises(BadInputError, match=r"lost\.mid is next to the folders jazz; move it into one"):
        entries(resolve(str(tmp_path)))


def test_annotated_performances_of_one_folder_are_of_one_composition(tmp_path: Path) -> None:
    _touch(
        tmp_path,
        *(f"Bach/Fugue_1/{name}" for name in ("a.mid", "a_annotations.txt", "b.mid", "b_annotations.txt")),
        *("Bach/Fugue_2/a.mid", "Bach/Fugue_2/a_annotations.txt", "Bach/c.mid", "Bach/c_annotations.txt"),
    )
    listed = entries(resolve(str(tmp_path)))
    assert [(entry.name, entry.composition) for entry in listed] == [
        ("Bach/Fugue_1/a.mid", "Bach/Fugue_1"),
        ("Bach/Fugue_1/b.mid", "Bach/Fugue_1"),
        ("Bach/Fugue_2/a.mid", None),
        ("Bach/c.mid", None),
    ]


def test_an_index_determines_styles_and_compositions(tmp_path: Path) -> None:
    _touch(tmp_path, "x/b.mid", "x/a.mid", "not-listed.mid")
    columns = ("file", "genre", "composer", "title", "era")
    _index(tmp_path, [("./x/b.mid", "jazz", "Ann", "Rag", "old"), ("x/a.mid", "rock", "Ann", "", "new")], columns)
    listed = entries(resolve(str(tmp_path)))
    assert [(entry.name, entry.style, entry.composer, entry.title, entry.composition) for entry in listed] == [
        ("x/a.mid", "rock", "Ann", "", None),
        ("x/b.mid", "jazz", "Ann", "Rag", "Ann: Rag"),
    ]
    assert [entry.style for entry in entries(resolve(f"{tmp_path}:era"))] == ["new", "old"]


def test_a_folder_with_a_colon_in_its_name_is_that_folder(tmp_path: Path) -> None:
    _touch(tmp_path / "a:era", "x.mid")
    _touch(tmp_path / "a", "y.mid")
    assert [entry.name for entry in entries(resolve(str(tmp_path / "a:era")))] == ["x.mid"]


@pytest.mark.parametrize(
    ("rows", "columns", "rule"),
    [
        ([("a.mid", "x")], ("file", "gerne"), r"no column is called 'genre' \(.*index\.csv\); did you mean 'gerne'\?"),
        ([("a.mid", "x")], ("files", "genre"), r"no column is called 'file' \(.*\); did you mean 'files'\?"),
        (
            [("a.mid", "x"), ("c.mid", "x"), ("d.mid", "y")],
            ("file", "genre"),
            r"2 of the 3 are missing, the first is 'c\.mid'",
        ),
        ([("../a.mid", "x")], ("file", "genre"), r"index names MIDI files of its folder: 1 of the 1"),
        ([("a.mid", "x"), ("./a.mid", "y")], ("file", "genre"), r"names each file once: 'a\.mid' is there 2 times"),
        (
            [("a.mid", "x"), ("b.mid", " ")],
            ("file", "genre"),
            r"1 row without anything in the column 'genre', the first is 'b\.mid'",
        ),
        (
            [("a.mid", "x"), ("b.mid",)],
            ("file", "genre"),
            r"without anything in the column 'genre', the first is 'b\.mid'",
        ),
        ([("a.mid", "rock/pop")], ("file", "genre"), r"a style's name is letters.*'rock/pop' \(a\.mid in"),
        ([("a.mid", "R&B")], ("file", "genre"), r"a style's name is letters.*'R&B'"),
        ([], ("file", "genre"), "at least one performance: .* has no rows"),
        ([], (), "no column is called 'file'"),
    ],
)
def test_an_invalid_index_is_rejected(
    rows: Sequence[Sequence[str]], columns: Sequence[str], rule: str, tmp_path: Path
) -> None:
    _touch(tmp_path, "a.mid", "b.mid")
    _index(tmp_path, rows, columns)
    with pytest.raises(BadInputError, match=rule) as error:
        entries(resolve(str(tmp_path)))
    assert "\n" not in str(error.value)


def test_an_index_that_is_not_text_is_rejected(tmp_path: Path) -> None:
    (_touch(tmp_path, "a.mid") / "index.csv").write_bytes(b"file,genre\n\xff\xfe,x\n")
    with pytest.raises(BadInputError, match=r"must be readable: .*not UTF-8 text"):
        entries(resolve(str(tmp_path)))


def test_a_column_without_an_index(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"needs an index with the column 'era': there is no .*index\.csv"):
        entries(resolve(f"{_touch(tmp_path, 'a.mid')}:era"))


def test_a_folder_without_midi_files(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="needs at least one MIDI file"):
        digests(resolve(str(_touch(tmp_path, "a.abc"))))


def test_the_fingerprint_depends_on_performances_beats_index_and_column(tmp_path: Path) -> None:
    _touch(tmp_path, "x/a.mid", "x/b.mid", "x/notes.txt")

    def now(corpus: str = str(tmp_path)) -> str:
        return fingerprint(resolve(corpus), digests(resolve(corpus)))

    prints = [now()]
    _touch(tmp_path, "x/other.txt", "x/.a.mid")
    assert now() == prints[0]
    for change in ("x/a_annotations.txt", "index.csv", "x/c.mid"):
        _touch(tmp_path, change)
        prints.append(now())
    prints.append(now(f"{tmp_path}:era"))
    (tmp_path / "x" / "a.mid").write_bytes(b"other notes")
    prints.append(now())
    assert len(set(prints)) == len(prints) == 6


@pytest.mark.parametrize(
    ("files", "kind"),
    [
        (["a.mid"], "melodies"),
        (["a.abc", "x/b.mid"], "melodies"),
        (["x/a.mid", "b.mid"], "melodies"),
        (["x/a.mid", "y/b.midi", "readme.txt"], "performances"),
        (["a.mid", "index.csv"], "performances"),
        (["a.mid", "a_annotations.txt"], "performances"),
    ],
)
def test_the_kind_of_a_folder_is_guessed(files: list[str], kind: str, tmp_path: Path) -> None:
    assert resolve(str(_touch(tmp_path, *files))).likely_kind() == kind


def test_named_corpora_have_a_kind() -> None:
    assert {name: corpus.likely_kind() for name, corpus in corpora().items() if corpus.kind != "melodies"} == {
        "synthetic": "performances"
    }


def test_folders_with_equal_contents_have_equal_fingerprints(
    tmp_path: Path, folder_of_performances: Callable[..., Path]
) -> None:
    folder = folder_of_performances(2)
    before = fingerprint(resolve(str(folder)), digests(resolve(str(folder))))
    moved = str(folder.rename(tmp_path / "moved"))
    assert fingerprint(resolve(moved), digests(resolve(moved))) == before


@pytest.mark.parametrize("text", ["file,genre\na.mid," + "x" * 200_000 + "\n", "file," + "x" * 200_000 + "\na.mid,y\n"])
def test_an_index_with_a_field_that_is_too_long_is_rejected(text: str, tmp_path: Path) -> None:
    (_touch(tmp_path, "a.mid") / "index.csv").write_text(text)
    with pytest.raises(
        BadInputError, match=r"must be readable: .*index\.csv \(field larger than field limit"
    ) as caught:
        entries(resolve(str(tmp_path)))
    assert "\n" not in str(caught.value)


def test_an_index_that_is_too_large_is_rejected(tmp_path: Path) -> None:
    with (_touch(tmp_path, "a.mid") / "index.csv").open("wb") as file:
        file.truncate(2**42)
    with pytest.raises(
        BadInputError, match=r"must be readable: .*index\.csv \(files of at most 16 MB are read: it has more\)"
    ):
        entries(resolve(str(tmp_path)))
