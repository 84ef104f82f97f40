# pyright: reportMissingTypeStubs=false
"""Engraved pages as SVG and PNG."""

import re
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.image import imread
from numpy.typing import NDArray

from data_prep.tunes.notation import Tune
from data_prep.writers.engraving import to_png, to_svg
from data_prep.writers.score import COMPOSED_MARK, PROMPT_MARK, to_musicxml
from tests.hand_tunes import JIG, REEL, TUNES


def _page(tune: Tune) -> str:
    return to_svg(to_musicxml(tune))


def _texts(svg: str) -> list[str]:
    page = ET.fromstring(svg)  # noqa: S314  (our own)
    elements = [text for text in page.iter() if text.tag.endswith("}text")]
    return ["".join(part for part in text.itertext() if part != "title").strip() for text in elements]


def _classes(svg: str, name: str) -> int:
    return len(re.findall(rf'class="{name}"', svg))


def _ink(svg: str) -> NDArray[np.bool_]:
    """Return [height, width] where a picture is not white."""
    picture = imread(BytesIO(to_png(svg)), format="png")[..., :3]
    assert picture[0, 0].tolist() == [1, 1, 1]
    return picture.min(axis=2) < 0.5


@pytest.mark.parametrize("tune", TUNES.values(), ids=TUNES)
def test_a_page_shows_title_tempo_and_bars(tune: Tune) -> None:
    svg = _page(tune)
    texts = _texts(svg)
    assert tune.title in texts
    assert any(re.fullmatch(r"=\s\d+", text) for text in texts)
    assert (
        _classes(svg, "measure")
        == len(set(tune.bars()))
        + any(  # a last bar may contain only the end of a note
            (onset + length - tune.pickup) // tune.bar_length > number - (tune.pickup > 0)
            for onset, length, number in list(zip(tune.onsets(), tune.duration, tune.bars(), strict=True))[-1:]
            if (onset + length - tune.pickup) % tune.bar_length
        )
    )
    assert _classes(svg, "meterSig") == 1
    assert {PROMPT_MARK, COMPOSED_MARK} & set(texts) == ({PROMPT_MARK, COMPOSED_MARK} if tune.num_prompt else set())


def test_a_page_needs_no_music_font_and_is_the_same_every_time() -> None:
    svg = _page(REEL)
    assert "Leipzig" not in svg
    assert "base64" not in svg
    assert not [letter for letter in svg if 0xE000 <= ord(letter) < 0xF8FF]
    assert svg == _page(REEL)


def test_beams_tuplets_ties_and_rests_are_engraved() -> None:
    svg = _page(REEL)
    assert _classes(svg, "tuplet") == 2
    assert _classes(svg, "tie") == 2
    assert _classes(svg, "mRest") == 1
    assert _classes(_page(JIG), "beam") == 13


def test_long_tunes_stay_on_one_page() -> None:
    long = Tune(JIG.pitch * 16, JIG.duration * 16, JIG.metre, JIG.pickup, JIG.fifths)
    height = [int(elements) for elements in re.findall(r'height="(\d+)px"', _page(long))]
    assert height[0] > 8 * int(re.findall(r'height="(\d+)px"', _page(JIG))[0])
    assert _classes(_page(long), "system") > 50
    assert _classes(_page(long), "measure") > 16 * 12


def test_the_picture_shows_the_title_the_marks_and_the_tempo() -> None:
    def top(tune: Tune) -> NDArray[np.bool_]:
        ink = _ink(_page(tune))
        (staff,) = np.flatnonzero(ink.mean(axis=1) > 0.8)[:1]  # the first line of the first staff
        return ink[:staff]

    bare = replace(JIG, title="", num_prompt=0)
    assert top(bare).sum() > 500  # the tempo
    titled = top(replace(bare, title="The Jig of Tests"))
    middle = titled[: titled.shape[0] // 2, titled.shape[1] // 4 : -titled.shape[1] // 4]
    assert middle.sum() > 1000
    columns = np.flatnonzero(middle.any(axis=0)) + titled.shape[1] // 4
    assert columns.mean() == pytest.approx(titled.shape[1] / 2, rel=0.05)  # in the middle
    assert top(replace(bare, num_prompt=12)).sum() > top(bare).sum() + 1000


def test_the_picture_is_white_and_black_with_the_prompt_in_colour() -> None:
    picture = imread(BytesIO(to_png(_page(JIG))), format="png")[..., :3]
    blue = (picture[..., 2] - picture[..., 0]) > 0.5
    assert 1000 < blue.sum() < 0.02 * blue.size
    assert not ((picture[..., 0] - picture[..., 2]) > 0.2).any()


def test_letters_of_many_languages_have_different_shapes() -> None:
    for sign, other in (("Ó", "Ñ"), ("ž", "č"), ("П", "Ж"), ("π", "ω"), ("♯", "♭")):
        pages = [_ink(_page(Tune((60,), (Fraction(4),), title=title))) for title in (sign, other, f"{sign}{sign}")]
        assert len({page.sum() for page in pages}) == 3
