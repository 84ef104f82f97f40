"""``tunesmith score``: new pieces and baselines, pieces that are left out, and errors in one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_prep.corpora.named import corpora
from data_prep.prepared.corpus import prepare
from models.families import FAMILIES
from models.training import checkpoint
from search.promotion.registration import Registration
from search.promotion.registry import Registry
from search.tracking.client import default_uri
from tests import hand_midi
from tests.models import trained_composers, trained_stylenets
from tests.tunesmith.conftest import Done
from tunesmith import score
from tunesmith.cli import run

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own

BASELINES = ["uniform", "unigram", "Kneser-Ney bigram", "Kneser-Ney trigram", "Kneser-Ney trigram + copy"]
SMALL = {"epochs": 1, "size": 8}
EVIDENCE = {"decision": {"moves": True, "why": "it is better"}, "test": {"mean": 2.1}}


def tunes(folder: Path, first: int, last: int) -> Path:
    """Write the tunes of O'Neill's with numbers from ``first`` to ``last``."""
    source = next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc")
    texts = source.read_text(encoding="latin-1").split("\nX:")[1:]
    chosen = [f"X:{text}\n" for text in texts if first <= int(text.split()[0]) <= last]
    folder.mkdir()
    (folder / "tunes.abc").write_text("\n".join(chosen), encoding="latin-1")
    return folder


def performances(folder: Path, numbers: range, *styles: str) -> Path:
    """Write performances in turn for each style."""
    for number in numbers:
        place = folder / styles[number % len(styles)]
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number}.mid").write_bytes(hand_midi.performance(number, length=100))
    return folder


def train(home: Path, name: str, family_name: str, corpus: Path) -> Path:
    """Write the files of a search with one trial, without a study."""
    family, search = FAMILIES[family_name], home / "searches" / name
    data = prepare(str(corpus), kind=family.data_kind, num_folds=2).data
    spec = family.spec_type.from_values(SMALL, "a test")
    training = family.start(spec, data, seed=0, trial=0, device="cpu")
    list(training.epochs())
    (search / "models").mkdir(parents=True)
    extra = {"family": family_name, "seed": 0, "trial": 0, "fingerprint": data.fingerprint}
    model = search / "models" / "trial-00000.pt"
    checkpoint.save(model, training.weights(), spec, {**extra, "vocabulary": dict(training.vocabulary)})
    (search / "search.toml").write_text(f'family = "{family_name}"\n[data]\ncorpus = "{corpus}"\nfolds = 2\n')
    return model


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Corpora, a composer trained on 24 tunes (a trial and a version), and a StyleNet trained on 12 performances."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_CACHE", str(folder / "cache"))
        home = folder / "runs"
        composer = train(home, "small", "composer", tunes(folder / "known", 1, 24))
        tunes(folder / "new", 25, 38)
        train(home, "played", "stylenet", performances(folder / "performances", range(12), "calm", "wild"))
        registry = Registry(default_uri(home), home)
        tags = {"search": "small", "trial": "0"}
        registry.register(Registration("composer", composer, "# a composer", EVIDENCE, tags))
        registry.register(Registration("composer", composer, "# a composer", EVIDENCE, {**tags, "search": "gone"}))
        registry.set_champion("composer", 1, "there was no champion")
    return folder


@pytest.fixture
def command(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the command in that folder."""
    monkeypatch.chdir(place)
    monkeypatch.delenv("TUNESMITH_HOME", raising=False)
    monkeypatch.setenv("TUNESMITH_CACHE", str(place / "cache"))

    def done(*arguments: str) -> Done:
        capsys.readouterr()
        status = run(["score", *arguments])
        printed = capsys.readouterr()
        return Done(status, printed.out, " ".join(printed.err.split()))

    return done


def result_of(done: Done) -> dict[str, Any]:
    assert done.status == 0, done.err
    return json.loads(done.out)


def test_a_champion_and_its_trials_file_have_the_same_scores_and_baselines(command: Callable[..., Done]) -> None:
    champion = result_of(command("composer@champion", "new", "--json"))
    trial = result_of(command("runs/searches/small/models/trial-00000.pt", "new", "--json"))
    assert champion["pieces"] == trial["pieces"]
    assert [baseline["name"] for baseline in champion["baselines"]] == BASELINES
    values = [piece["value"] for piece in champion["pieces"]]
    assert champion["mean"] == pytest.approx(sum(values) / len(values))
    assert champion["standard_error"] > 0
    assert champion["unit"] == "nats per note"
    for baseline in champion["baselines"]:
        values = [piece["baselines"][baseline["name"]] for piece in champion["pieces"]]
        assert baseline["mean"] == pytest.approx(sum(values) / len(values))
        assert baseline["difference"] == pytest.approx(champion["mean"] - baseline["mean"])
    assert champion["seen"] == []
    assert score("composer", "new").scores.mean == champion["mean"]


def test_the_best_and_worst_pieces_or_all_are_printed(command: Callable[..., Done]) -> None:
    done = command("composer@1", "new")
    assert done.status == 0, done.err
    rows = result_of(command("composer@1", "new", "--json"))["pieces"]
    assert len(rows) > 10
    ranked = [row["piece"] for row in sorted(rows, key=lambda row: row["value"])]
    assert [name for name in ranked if name in done.out] == [*ranked[:5], *ranked[-5:]]
    assert f"... {len(rows) - 10} more (--all lists them)" in done.out
    for text in (*BASELINES, "model - baseline", "composer@1", f"{len(rows)} pieces"):
        assert text in done.out
    everything = command("composer@1", "new", "--all").out
    assert all(name in everything for name in ranked)


def test_pieces_that_the_model_has_seen_are_left_out_and_reported(command: Callable[..., Done], place: Path) -> None:
    both = place / "both"
    both.mkdir(exist_ok=True)
    for name in ("known", "new"):
        shutil.copy(place / name / "tunes.abc", both / f"{name}.abc")
    done = result_of(command("composer@1", "both", "--json"))
    assert done["seen"]
    assert {name.partition("#")[0] for name in done["seen"]} == {"known.abc"}
    assert not {piece["piece"] for piece in done["pieces"]} & set(done["seen"])
    message = f"pieces of the training corpus or their variants: {len(done['seen'])}, left out; --keep-seen scores them"
    assert message in command("composer@1", "both").out
    kept = result_of(command("composer@1", "both", "--keep-seen", "--json"))
    assert len(kept["pieces"]) == len(done["pieces"]) + len(done["seen"])


def test_unknown_lengths_and_metres_are_scored_and_reported(command: Callable[..., Done], place: Path) -> None:
    folder = place / "odd"
    folder.mkdir(exist_ok=True)
    (folder / "odd.abc").write_text("X:1\nM:7/8\nL:1/8\nK:G\nGAB c5/7d2e3f|gab c7/11g5/13|\n")
    (folder / "short.abc").write_text("X:1\nM:4/4\nL:1/8\nK:G\nG|\n")
    (folder / "no.abc").write_text("X:1\nM:4/4\nL:1/8\nK:G\n|\n")
    (folder / "no.mid").write_bytes(b"MThd, or so one might think")
    done = result_of(command("composer@1", "odd", "--json"))
    assert (done["num_pieces"], done["standard_error"]) == (1, None)
    assert done["lacks"]["unknown_durations"] == {"count": 3, "of": 12, "noun": "notes"}
    assert 0 < done["mean"] < 20
    assert done["left_out"]["too short"] == 1
    assert "no.mid" in {file["file"] for file in done["skipped"]}
    text = command("composer@1", "odd")
    assert "notes with a duration that the model lacks: 3 of 12" in text.out
    assert " ± -" in text.out
    assert "1 piece is left out by the corpus's rules: too short 1\n" in text.out
    assert "no.mid: " in text.err


def test_a_model_without_its_corpus_is_scored_without_baselines(command: Callable[..., Done], tmp_path: Path) -> None:
    done = command("composer@2", "new", "--json")
    alone, with_baselines = result_of(done), result_of(command("composer@1", "new", "--json"))
    assert (alone["baselines"], alone["seen"]) == ([], None)
    assert [piece["value"] for piece in alone["pieces"]] == [piece["value"] for piece in with_baselines["pieces"]]
    assert "the home folder does not have the search of" in done.err
    assert "so its corpus is unknown" in alone["without_baselines"]
    assert command("composer@2", "new").status == 0
    file = trained_composers.trained(tmp_path / "elsewhere.pt")
    assert result_of(command(str(file), "new", "--json"))["baselines"] == []


def test_a_changed_corpus_is_not_used_for_baselines(command: Callable[..., Done], place: Path, tmp_path: Path) -> None:
    home = tmp_path / "runs"
    train(home, "small", "composer", tunes(tmp_path / "known", 1, 24))
    model = str(home / "searches" / "small" / "models" / "trial-00000.pt")
    assert result_of(command(model, str(place / "new"), "--json"))["without_baselines"] is None
    (tmp_path / "known" / "more.abc").write_text("X:1\nM:4/4\nL:1/8\nK:G\nGABc defg|\n")
    changed = result_of(command(model, str(place / "new"), "--json"))
    assert "has changed since" in changed["without_baselines"]
    shutil.rmtree(tmp_path / "known")
    gone = result_of(command(model, str(place / "new"), "--json"))
    assert "its training corpus cannot be read: a corpus is a name or a folder" in gone["without_baselines"]
    assert gone["mean"] == changed["mean"]


def test_a_stylenet_is_scored_on_the_styles_that_it_knows(command: Callable[..., Done], place: Path) -> None:
    model = "runs/searches/played/models/trial-00000.pt"
    performances(place / "heard", range(20, 26), "calm", "wild", "odd")
    done = result_of(command(model, "heard", "--json"))
    assert (done["objective"], done["num_pieces"]) == ("onset_mae", 4)
    assert done["lacks"]["unknown_styles"] == {"count": 2, "of": 6, "noun": "performances"}
    assert [baseline["name"] for baseline in done["baselines"] if baseline["oracle"]] == [
        "mean of the piece itself (oracle)"
    ]
    assert all(baseline["difference"] is not None for baseline in done["baselines"])
    assert "performances in a style that the model lacks (it has calm, wild): 2 of 6" in command(model, "heard").out
    performances(place / "odd style", range(30, 32), "odd")
    assert "(it has calm, wild): 2 of 2" in command(model, "odd style").err
    sealed = result_of(command(model, "performances", "--json"))
    assert len(sealed["seen"]) + sealed["num_pieces"] == 12
    assert sealed["num_pieces"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("composer@1 nothing", "no corpus is called 'nothing'"),
        ("composer@1 empty", "at least one score"),
        ("composer@1 unreadable", "none of the 2 in 'unreadable' can be, the first is a.mid: "),
        ("composer@1 short", "none of 'short' does (too short 1)"),
        ("composer@1 variant", "all 1 of 'variant' are in its training corpus, or variants of pieces there; name"),
        ("composer@1 synthetic", "melodies are needed: the corpus 'synthetic' has performances"),
        ("composer@9 new", "no version is called 'composer@9'"),
        ("composr new", "did you mean 'composer'?"),
        ("nothing/7 new", "no search is called 'nothing'"),
        ("missing.pt new", "a trained model must exist: there is no missing.pt"),
        ("new/tunes.abc new", "is not a checkpoint"),
        ("state.pt new", "state.pt is the state of a trial that was still in training"),
        ("sonatas.pt new", "no family is called 'sonatas'"),
        ("stylenet.pt new", "at least one MIDI file"),
        ("stylenet.pt flat", "distinct velocities"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(
    arguments: str, message: str, command: Callable[..., Done], place: Path
) -> None:
    for name in ("empty", "unreadable", "short", "flat"):
        (place / name).mkdir(exist_ok=True)
    for name in ("a.mid", "b.abc"):
        (place / "unreadable" / name).write_bytes(b"MThd, or so one might think")
    (place / "short" / "one.abc").write_text("X:1\nM:4/4\nL:1/8\nK:G\nG|\n")
    if not (place / "variant").exists():
        tunes(place / "variant", *(2 * [first_open(place)]))
    (place / "flat" / "flat.mid").write_bytes(hand_midi.performance(1, velocities=3))
    for name, extra in {"state.pt": {"seed": 0}, "sonatas.pt": {"family": "sonatas"}}.items():
        checkpoint.save(place / name, {}, FAMILIES["composer"].spec_type.from_values({}), extra)
    if not (place / "stylenet.pt").exists():
        trained_stylenets.trained(place / "stylenet.pt")
    done = command(*arguments.split())
    assert done.status == 2
    assert message in done.err
    assert done.err.count("error:") == 1
    assert "Traceback" not in done.err
    assert done.out == ""


def first_open(place: Path) -> int:
    """Return the number of the first tune in the composer's training set."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_CACHE", str(place / "cache"))
        return min(int(name.rpartition("#")[2]) for name in prepare(str(place / "known"), num_folds=2).data.ids)


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
def test_a_searchs_trials_are_scored(searched: Any) -> None:
    folder = searched.folder / "other"
    folder.mkdir(exist_ok=True)
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0101-0200.abc"), folder)
    rows = json.loads(searched.run("trials", "tiny", "--json").stdout)
    number = next(row["number"] for row in rows if row["state"] == "COMPLETE")
    done = searched.run("score", f"tiny/{number}", "other", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert [baseline["name"] for baseline in result["baselines"]] == BASELINES
    assert result["mean"] < result["baselines"][0]["mean"]
    assert result["num_pieces"] > 50
