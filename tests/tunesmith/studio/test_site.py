"""The studio's server: real requests, other sites, what it refuses, favourites, restarts and signals."""

import http.client
import io
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from pretty_midi import PrettyMIDI

from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import read_prompt
from models.uses.performing import FLAT
from tests import hand_midi
from tests.models import trained_stylenets
from tests.ray_cluster import free_port
from tests.served import Served, served
from tests.tunesmith.studio.conftest import Models, studio
from tunesmith.cli import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("studio server")]
OPTIONS = {"bars": 8, "key": "D", "metre": "6/8", "seed": 5}
NO_TUNE = "0" * 16


def midi_of(data: bytes) -> Any:
    return PrettyMIDI(io.BytesIO(data))


def composed(server: Served, **options: Any) -> dict[str, Any]:
    status, tune = server.post("/compose", {**OPTIONS, **options})
    assert status == 200, tune
    return tune


def read_back(server: Served, tune: dict[str, Any], folder: Path) -> Tune:
    """Download a tune as ABC and read it."""
    path = folder / f"{tune['id']}.abc"
    path.write_bytes(server.request("GET", f"/tunes/{tune['id']}/abc")[2])
    return read_prompt(path)[0]


def test_the_page_needs_nothing_from_elsewhere(server: Served) -> None:
    for path in ("/", "/studio.js", "/compose.js", "/perform.js", "/studio.css", "/player.js", "/player.css"):
        status, headers, data = server.request("GET", path)
        assert (status, bool(data)) == (200, True)
        assert b"https://" not in data
        assert "default-src 'none'" in headers["Content-Security-Policy"]


def test_the_same_seed_composes_the_tune_of_the_command(server: Served, models: Models, tmp_path: Path) -> None:
    first, second, other = composed(server), composed(server), composed(server, seed=6)
    assert (first["key"], first["metre"], first["bars"]) == ("D major", "6/8", 8)
    assert first["music"] == second["music"]
    assert first["music"]["notes"] != other["music"]["notes"]
    options = ["--bars", "8", "--key", "D", "--metre", "6/8", "--seed", "5", "--formats", "abc", "--no-report"]
    assert run(["compose", "--model", str(models.composer), *options, "--out", str(tmp_path)]) == 0
    own = read_prompt(tmp_path / "small-seed5-01.abc")[0]
    assert (read_back(server, first, tmp_path).pitch, own.num_notes) == (own.pitch, first["notes"])


def test_kept_bars_stay_and_a_continued_tune_begins_with_the_tune(server: Served, tmp_path: Path) -> None:
    source = composed(server)
    shift = 0 if source["pickup"] else 1
    keep = [shift, 4, 5]
    options = {**OPTIONS, "seed": 9}
    _, again = server.post(
        "/again", {"source": source["id"], "how": "composed again", "keep": keep, "options": options}
    )
    tunes = [read_back(server, tune, tmp_path) for tune in (source, again)]
    for bar in keep:
        first, second = (
            [note for number, note in zip(tune.bars(), events(tune), strict=True) if number == bar - shift]
            for tune in tunes
        )
        assert first == second
    assert tunes[0].pitch != tunes[1].pitch
    assert (again["kept"], again["bars"]) == (keep, 8)
    everything = list(range(shift, 9))
    wanted = {"source": source["id"], "how": "continued", "keep": everything, "options": {**options, "bars": 16}}
    _, longer = server.post("/again", wanted)
    assert longer["bars"] == 16
    assert events(read_back(server, longer, tmp_path))[: tunes[0].num_notes] == events(tunes[0])
    status, refused = server.post("/again", {**wanted, "options": options})
    assert (status, refused["error"]) == (400, "some bars are free to be composed again: all bars are kept")


def events(tune: Tune) -> list[tuple[Any, ...]]:
    return list(zip(tune.onsets(), tune.pitch, tune.duration, strict=True))


def test_every_format_is_downloaded_under_a_safe_name(server: Served) -> None:
    tune = composed(server, bars=2, tempo=90)
    begins = {"midi": b"MThd", "musicxml": b"<?xml", "abc": b"%abc", "svg": b"<svg", "wav": b"RIFF"}
    for form, begin in begins.items():
        status, headers, data = server.request("GET", f"/tunes/{tune['id']}/{form}?instrument=flute")
        assert (status, data[: len(begin)]) == (200, begin)
        assert headers["Content-Disposition"].startswith('attachment; filename="small-seed-5.')
    midi = midi_of(server.request("GET", f"/tunes/{tune['id']}/midi?instrument=flute")[2])
    assert (midi.instruments[0].program, round(midi.get_tempo_changes()[1][0])) == (73, 90)
    status, slower = server.post("/tempo", {"id": tune["id"], "tempo": 45})
    assert (status, slower["music"]["notes"][0][1]) == (200, pytest.approx(2 * tune["music"]["notes"][0][1], abs=0.002))
    assert "no instrument" in json.loads(server.request("GET", f"/tunes/{tune['id']}/midi?instrument=xyz")[2])["error"]


def test_a_sound_of_more_than_ten_minutes_is_refused(server: Served) -> None:
    tune = composed(server, bars=64, metre="4/4", tempo=20)
    status, _, answer = server.request("GET", f"/tunes/{tune['id']}/wav")
    assert (status, json.loads(answer)["error"]) == (
        400,
        "sound of at most 10 minutes is made: the tune lasts 13 min; choose a faster tempo",
    )


@pytest.mark.parametrize(
    "path",
    ["/tunes/../../etc/passwd", "/tunes/..%2f..%2fhome/abc", f"/tunes/{NO_TUNE}/abc", f"/tunes/{NO_TUNE}",
     "/tunes/%00/midi", "/performances/..%2fpassed", "/favourites/x.json", "/page/index.html"],
)  # fmt: skip
def test_nothing_else_is_served(server: Served, path: str) -> None:
    assert server.request("GET", path)[0] in {400, 404, 405}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:PORT", "http://127.0.0.1:1"])
def test_other_sites_are_refused(server: Served, origin: str) -> None:
    assert server.post("/compose", OPTIONS, Origin=origin.replace("PORT", str(server.port)))[0] == 403
    assert server.request("GET", "/state", Host=f"evil.example:{server.port}")[0] == 403
    assert server.post("/compose", OPTIONS, Content_Type="text/plain")[0] == 400, "as a form of another site sends it"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"bars": 0}, "bars: Input should be greater than or equal to 1"),
        ({"bars": 1000}, "bars: Input should be less than or equal to 128"),
        ({"bars": "8"}, "bars: Input should be a valid integer"),
        ({"key": "H"}, "a key is written like D, Am, F#m, E dorian or Amix: got 'H'"),
        ({"form": "AAB"}, "the number of bars is a multiple of the number of parts: got 8 bars for 3 parts; ask for 9"),
        (
            {"bars": 128, "metre": "4/1"},
            "a tune of the studio has at most 512 quarter notes: 128 bars of 4/1",
        ),
        ({"other": 1}, "other: Extra inputs are not permitted"),
        ({"prompt": "x" * 30_000}, "prompt: String should have at most 20000 characters"),
    ],
)
def test_options_that_cannot_be_fulfilled_are_refused_in_one_line(
    server: Served, options: dict[str, Any], reason: str
) -> None:
    status, answer = server.post("/compose", {**OPTIONS, **options})
    assert (status, answer["error"][: len(reason)]) == (400, reason)
    assert "\n" not in answer["error"]


def test_a_typed_prompt_begins_the_tune_and_its_error_has_a_place(server: Served) -> None:
    tune = composed(server, prompt="d2 f afd | e2 g", key="D")
    assert [note[2] for note in tune["music"]["notes"][:5]] == [74, 78, 81, 78, 74]
    status, answer = server.post("/compose", {**OPTIONS, "prompt": "X:1\nK:D\n d2 f/0 a"})
    assert (status, answer["place"]) == (400, {"line": 3, "begin": 4, "end": 7})
    assert "a length cannot be divided by 0: got /0" in answer["error"]


def piece(server: Served, midi: bytes) -> tuple[int, Any]:
    status, _, data = server.request("POST", "/pieces", midi, Content_Type="audio/midi")
    return status, json.loads(data)


def test_a_piece_is_performed_flat_in_a_style_and_between_styles(server: Served) -> None:
    midi = hand_midi.performance(1, length=33)
    status, added = piece(server, midi)
    assert (status, added["notes"]) == (200, len(midi_of(midi).instruments[0].notes))
    heard: dict[str, list[int]] = {}
    mixes = {"flat": {}, "calm": {"calm": 1}, "wild": {"wild": 1}, "both": {"calm": 0.5, "wild": 0.5}}
    for name, mix in mixes.items():
        _, performed = server.post("/perform", {"piece": added["piece"], "mix": mix, "amount": 30})
        heard[name] = [note[3] for note in performed["music"]["notes"]]
        _, headers, file = server.request("GET", f"/performances/{performed['performance']}")
        assert headers["Content-Disposition"] == 'attachment; filename="performed.mid"'
        assert sorted(heard[name]) == sorted(note.velocity for note in midi_of(file).instruments[0].notes)
    assert set(heard["flat"]) == {FLAT}
    assert len({tuple(velocities) for velocities in heard.values()}) == 4
    _, refused = server.post("/perform", {"piece": added["piece"], "mix": {"loud": 1}})
    assert "no style is called 'loud'" in refused["error"]
    _, refused = server.post("/perform", {"piece": NO_TUNE, "mix": {}})
    assert "drop it again" in refused["error"]


def test_a_large_file_is_refused_before_it_is_read(server: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.putrequest("POST", "/pieces")
    connection.putheader("Content-Type", "audio/midi")
    connection.putheader("Content-Length", "100000000")
    connection.endheaders()  # and nothing of the file
    response = connection.getresponse()
    assert (response.status, json.loads(response.read())) == (
        413,
        {"error": "files of at most 8 MiB are read: it has more"},
    )
    connection.close()


def test_a_broken_file_is_refused_in_one_line(server: Served) -> None:
    for data in (b"", b"not MIDI", hand_midi.performance(1, length=33)[:60]):
        status, refused = piece(server, data)
        assert status == 400
        assert refused["error"].startswith("a readable MIDI file with piano notes is needed: ")
        assert "\n" not in refused["error"]


def test_favourites_survive_a_restart_and_two_studios_do_not_lose_each_others(models: Models, tmp_path: Path) -> None:
    home = tmp_path / "home"
    with studio(models, home) as first, studio(models, home) as second:
        tunes = [composed(server, seed=seed) for seed in range(2) for server in (first, second)]
        for number, tune in enumerate(tunes):
            server = (first, second)[number % 2]
            assert server.post("/favourites", {"id": tune["id"], "keep": True})[0] == 200
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(30) == 0
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(30) == 0
    favourites = home / "favourites"
    (favourites / f"{NO_TUNE}.json").write_text('{"format": 1}')
    whole = json.loads((favourites / f"{tunes[0]['id']}.json").read_text())
    damages = [{"metre": [0, 0]}, {"duration": ["1/0"] * len(whole["notes"]["pitch"])}, {"fifths": 99}]
    damages += [{"pitch": [], "duration": []}, {"pitch": []}]
    for number, damage in enumerate(damages):
        name = f"{number:016x}"
        damaged = {**whole, "id": name, "notes": {**whole["notes"], **damage}}
        (favourites / f"{name}.json").write_text(json.dumps(damaged))
    with studio(models, home) as third:
        kept = json.loads(third.request("GET", "/state")[2])["favourites"]
        assert [tune["id"] for tune in kept] == [tune["id"] for tune in reversed(tunes)]
        _, opened = third.post("/tempo", {"id": tunes[0]["id"], "tempo": tunes[0]["options"]["tempo"]})
        assert opened["music"] == tunes[0]["music"]
        _, left = third.post("/favourites", {"id": tunes[0]["id"], "keep": False})
        assert len(left["favourites"]) == 3
        status, gone = third.post("/favourites", {"id": NO_TUNE, "keep": True})
        assert (status, "restarted" in gone["error"]) == (404, True)


def test_a_studio_without_one_model_says_how_to_get_it(models: Models, tmp_path: Path) -> None:
    arguments = ["studio", "--model", str(models.stylenet), "--home", str(tmp_path / "home"), "--no-open"]
    with served(arguments, tmp_path) as server:
        state = json.loads(server.request("GET", "/state")[2])
        assert (state["performer"], state["composer"]) == ("style", "")
        assert "search composer" in state["noComposer"]
        status, refused = server.post("/compose", OPTIONS)
        assert (status, "a composing model is needed" in refused["error"]) == (400, True)


def test_a_busy_port_and_missing_models_are_reported_in_one_line(
    server: Served, models: Models, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["studio", "--port", str(server.port), "--home", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: port {server.port} of 127.0.0.1 is in use by another program; name another with --port\n"
    )
    free = ["studio", "--port", str(free_port()), "--no-open"]
    assert run([*free, "--home", str(tmp_path / "new")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"the studio needs a trained model: {tmp_path / 'new'} has none; train one first: " in error
    other = trained_stylenets.trained(tmp_path / "other.pt")
    assert run([*free, "--model", str(other), "--model", str(models.stylenet), "--home", str(tmp_path)]) == 2
    assert "a studio has one model that performs: got other and style" in capsys.readouterr().err
