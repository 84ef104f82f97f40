"""Named corpora and folders."""

import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.corpora.named import Corpus, corpora, resolve
from data_prep.errors import BadInputError
from data_prep.melodies.filters import RULES
from data_prep.prepared.kinds import KINDS
from data_prep.readers.digest import file_digest


def test_the_named_corpora_and_their_files() -> None:
    assert list(corpora()) == ["oneills", "oneills-all", "ryans", "airds", "chorales", "synthetic"]
    assert {name: len(corpus.files()) for name, corpus in corpora().items()} == {
        "oneills": 39,
        "oneills-all": 39,
        "ryans": 1059,
        "airds": 6,
        "chorales": 413,
        "synthetic": 138,
    }


def test_every_corpus_has_a_summary_a_licence_and_known_rules() -> None:
    for name, corpus in corpora().items():
        assert corpus.name == name
        assert corpus.summary
        assert "licen" in corpus.licence or "public domain" in corpus.licence
        assert set(corpus.rules) <= set(RULES)


def test_an_unknown_corpus_is_reported_with_the_nearest_name() -> None:
    with pytest.raises(BadInputError, match=r"'oneils' \(and there is no such folder .*\); did you mean 'oneills'\?"):
        resolve("oneils")


def test_a_missing_folder_is_rejected() -> None:
    with pytest.raises(BadInputError, match=r"there is no folder 'no/such/folder'"):
        resolve("no/such/folder")


def test_a_file_is_not_a_corpus(tmp_path: Path) -> None:
    path = tmp_path / "tune.abc"
    path.write_text("X:1\n")
    with pytest.raises(BadInputError, match="name its folder"):
        resolve(str(path))


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to play")
    with pytest.raises(BadInputError, match=r"needs at least one score \(\.abc, .*: there is none in"):
        resolve(str(tmp_path)).files()


def test_files_of_a_folder_in_order_at_any_depth_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.MID", "a/z.abc", "a/.hidden.abc", "c.krn", "a.txt", "a/b/c.musicxml", "A.xml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    corpus = resolve(str(tmp_path))
    assert [corpus.file_name(path) for path in corpus.files()] == [
        "A.xml",
        "a/b/c.musicxml",
        "a/z.abc",
        "b.MID",
        "c.krn",
    ]


def test_the_digest_depends_on_contents_and_kind_of_file(tmp_path: Path) -> None:
    for name, text in (("a.abc", "X:1"), ("b.abc", "X:1"), ("c.abc", "X:2"), ("d.mid", "X:1")):
        (tmp_path / name).write_text(text)
    a, b, c, d = (file_digest(tmp_path / name) for name in ("a.abc", "b.abc", "c.abc", "d.mid"))
    assert a == b
    assert len({a, c, d}) == 3


def test_the_fingerprint_depends_on_names_contents_and_rules(tmp_path: Path) -> None:
    def fingerprint(corpus: Corpus, **digests: str) -> str:
        return KINDS["melodies"].fingerprint(corpus, {corpus.folder / name: digests[name] for name in digests})

    plain = Corpus("x", "", "", tmp_path)
    strict = Corpus("x", "", "", tmp_path, rules=("rests",))
    fingerprints = {
        fingerprint(plain, a="1", b="2"),
        fingerprint(plain, a="1", b="3"),
        fingerprint(plain, a="1", c="2"),
        fingerprint(strict, a="1", b="2"),
    }
    assert len(fingerprints) == 4
    moved = Corpus("y", "", "", tmp_path / "moved")
    assert fingerprint(moved, a="1") == fingerprint(plain, a="1")


def test_finding_corpora_does_not_import_music21() -> None:
    code = "import sys; from data_prep.corpora import named; named.resolve('oneills').files()"
    code += "; print('music21' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
