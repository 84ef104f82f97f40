"""The player of music in a web page, in a real browser."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pretty_midi
import pytest

from data_prep.tunes.notation import Tune
from tests.browser import Browser, wait_until
from tunesmith.playing.music import Music, music_of_midi, music_of_tune, player_file

TUNE = Tune(
    pitch=(62, 64, 66, 67, 69, 66, -1, 62),
    duration=tuple(map(Fraction, (1, "1/2", "1/2", "5/2", "1/2", 1, 1, 1))),
    fifths=2,
    title="A tune",
)
_PAGE = """<!doctype html><style>{css}</style><div id="tune"></div><div id="roll"></div>
<script>{before}</script><script>{js}
const players = {{}};
for (const [id, music] of Object.entries({pieces})) players[id] = tunesmithPlayer(document.getElementById(id), music);
</script>"""


def _midi() -> Any:
    midi: Any = pretty_midi.PrettyMIDI()
    piano = pretty_midi.Instrument(0)
    piano.notes = [pretty_midi.Note(30 + 20 * i, 60 + i, 0.5 * i, 0.5 * i + 0.4) for i in range(4)]
    piano.control_changes = [pretty_midi.ControlChange(64, 127, 0.0), pretty_midi.ControlChange(64, 0, 1.2)]
    midi.instruments.append(piano)
    return midi


def _page(folder: Path, before: str = "") -> str:
    pieces = {"tune": music_of_tune(TUNE).plain(), "roll": music_of_midi(_midi(), "A piece").plain()}
    css, js = player_file("player.css"), player_file("player.js")
    (folder / "page.html").write_text(_PAGE.format(css=css, js=js, before=before, pieces=json.dumps(pieces)), "utf-8")
    return (folder / "page.html").as_uri()


def test_a_tune_has_its_notes_in_seconds_and_a_mark_for_each_engraved_note() -> None:
    music = music_of_tune(TUNE)
    assert [(onset, round(seconds, 3), pitch) for onset, seconds, pitch, _ in music.notes] == [
        (0.0, 0.5, 62),
        (0.5, 0.25, 64),
        (0.75, 0.25, 66),
        (1.0, 1.25, 67),
        (2.25, 0.25, 69),
        (2.5, 0.5, 66),
        (3.5, 0.5, 62),
    ]
    tied = [mark for mark in music.marks if 1.0 <= mark[0] < 2.25]
    assert [(begin, end) for begin, end, _ in tied] == [(1.0, 2.0), (2.0, 2.25)]  # over the bar line
    assert all(f'id="{name}"' in music.svg for _, _, name in music.marks)


def test_engraving_and_notes_do_not_import_what_only_sound_needs() -> None:
    code = (
        "import sys\nfrom fractions import Fraction\nfrom data_prep.tunes.notation import Tune\n"
        "from tunesmith.playing.music import music_of_tune\n"
        "music_of_tune(Tune((60,), (Fraction(1),)))\nsys.exit('scipy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_sustain_pedal_holds_notes() -> None:
    assert [round(seconds, 3) for _, seconds, _, _ in music_of_midi(_midi(), "").notes] == [1.2, 0.7, 0.4, 0.4]
    assert music_of_midi(pretty_midi.PrettyMIDI(), "empty") == Music("empty", [])


def test_playing_marks_the_notes_that_sound_and_only_one_player_plays(browser: Browser, tmp_path: Path) -> None:
    browser.open(_page(tmp_path))
    marked = "return [...document.querySelectorAll('#tune .sounding')].length"
    assert browser.run(marked) == 0
    browser.click("#tune .play")
    wait_until(lambda: browser.run(marked) == 1, "a note is marked")
    browser.click("#roll .play")
    assert browser.run("return [players.tune.isPlaying(), players.roll.isPlaying()]") == [False, True]
    wait_until(lambda: not browser.run("return players.roll.isPlaying()"), "the piece ends")
    assert browser.run("return document.querySelector('#roll .time').textContent") == "0:00 / 0:01"


def test_a_click_on_a_note_or_on_the_roll_goes_there(browser: Browser, tmp_path: Path) -> None:
    browser.open(_page(tmp_path))
    browser.run("document.querySelectorAll('#tune .note')[3].dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    position = "return Number(document.querySelector('#{} .position').value)"
    assert browser.run(position.format("tune")) == 1.0
    browser.click("#roll canvas")  # in the middle of 1.9 seconds
    assert browser.run(position.format("roll")) == pytest.approx(0.95, abs=0.02)


def test_another_piece_keeps_the_position(browser: Browser, tmp_path: Path) -> None:
    browser.open(_page(tmp_path))
    browser.run(
        "players.roll.seek(1.5); players.roll.update({title: 'Another', notes: [[0, 5, 60, 64]], svg: '', marks: []})"
    )
    assert browser.run("return document.querySelector('#roll .time').textContent") == "0:01 / 0:05"


@pytest.mark.parametrize("audio", ["undefined", "class { constructor() { throw new Error('no device'); } }"])
def test_without_sound_the_notes_are_shown_and_a_line_says_so(browser: Browser, tmp_path: Path, audio: str) -> None:
    browser.open(_page(tmp_path, before=f"window.AudioContext = {audio};"))
    assert "cannot play sound" not in browser.text()
    browser.click("#tune .play")
    assert "This browser cannot play sound." in browser.text()
    assert browser.run("return document.querySelectorAll('#tune .note').length") == len(music_of_tune(TUNE).marks)
