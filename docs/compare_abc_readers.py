"""Write docs/results/reading.md: compare two independent ABC readers on every tune of four collections.

    python docs/compare_abc_readers.py

The exit status is 1 if there is a difference without a known reason, or a known difference is gone.
"""

import sys
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.data_prep.readers.abc.abc_comparison import CORPORA, EXPLAINED, Compared, compare

TARGET = Path(__file__).parent / "results" / "reading.md"

INTRODUCTION = """# Reading ABC

<!-- Written by docs/compare_abc_readers.py: change it there. -->

The corpora in music21 are ABC files. Each tune of these collections was read by tunesmith's reader
(`data_prep/readers/abc/`) and by a second reader that only the tests use
(`tests/data_prep/readers/abc/second_abc.py`). The second reader was written independently from the ABC 2.1 standard.
The onset, pitch and duration of every note, rest and grace note were compared.
"""


def folder(name: str) -> Path:
    """Return the path of a folder in music21's corpus."""
    spec = find_spec("music21")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "corpus" / name


def page(tunes: dict[str, list[Compared]]) -> str:
    """Return the page: a row for each collection, and the reason for each difference."""
    lines = [
        INTRODUCTION,
        "| collection | tunes | notes, rests and grace notes | read differently |",
        "|---|---|---|---|",
    ]
    for name, of_corpus in tunes.items():
        differing = sum(not tune.is_same for tune in of_corpus)
        num_rows = sum(tune.num_rows for tune in of_corpus)
        lines.append(f"| {CORPORA[name]} | {len(of_corpus)} | {num_rows} | {differing} |")
    lines += ["", "| tune | reason |", "|---|---|"]
    lines += [
        f"| {CORPORA[name]}, `{tune.file}` no. {tune.tune} | {EXPLAINED.get((tune.file, tune.tune), 'unknown')} |"
        for name, of_corpus in tunes.items()
        for tune in of_corpus
        if not tune.is_same
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Compare all tunes, and write the page; return the exit status."""
    tunes = {name: [tune for path in sorted(folder(name).glob("*.abc")) for tune in compare(path)] for name in CORPORA}
    TARGET.write_text(page(tunes))
    count = Counter(
        "same" if tune.is_same else "explained" if (tune.file, tune.tune) in EXPLAINED else "unknown"
        for of_corpus in tunes.values()
        for tune in of_corpus
    )
    sys.stdout.write(f"{dict(count)}, written to {TARGET}\n")
    return int(count["unknown"] > 0 or count["explained"] < len(EXPLAINED))


if __name__ == "__main__":
    sys.exit(main())
