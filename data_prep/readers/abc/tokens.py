r"""The tokens of a line of music in ABC.

    line   = { field | timed | "-" | bar | bars | volta | chord | grace | tuplet | broken | overlay | silent }
             [ "%" ... ]
    timed  = ( { "^" | "_" | "=" } letter { "," | "'" } | "z" | "x" | "]" ) length
    length = [ digits ] { "/" } [ digits ]
    bars   = ( "Z" | "X" ) [ digits ]                            (rests of whole bars)
    chord  = "[" ... "]"; grace = "{" ... "}"                     (closed before the next bar line)
           | "+" timed { timed } "+"                             (chords in ABC 1: "+E3A3+")
    bar    = ( "|" | "[|" | "::" | ":|" ) { "|" | ":" | "]" | "[|" } [ volta ]
    overlay = "&" { "&" } | "(&" | "&)"                          (one & for each bar, or brackets)
    tuplet = "(" p [ ":" [ q ] [ ":" [ r ] ] ]
    volta  = "[" digit { digit | "," | "." | "-" }
    silent = '"..."' | "!...!" | "+...+" | "y" width | any other character

Silent tokens are skipped: annotations, decorations and user symbols (H..W, h..w, "~", "."), slurs, spacers and reserved
characters. A U: field may redefine a symbol, but none of them sounds. Macros (m:), which expand ornaments, are ignored.

Source: The abc music standard 2.1, sections 4 and 8.1.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

from data_prep.readers.abc.fields import number

_MAX_HALVINGS = 10

_DIRECTION = r"(?:D\.C\.|D\.S\.|coda|fine|segno|capo)"
_TEXT = r'["“”„][^"“”]*(?:["“”]|$)'
_SILENT = rf"{_TEXT}|![^!\s|\[\]]+!|!(?=[^!|]*{_DIRECTION})[^!|]+!|\+[^+\s|\[\]]+\+"
_PLAIN_NOTE = r"[\^_=]{0,3}[A-Ga-g][,']*[\d/]*"

_TOKEN = re.compile(
    rf"""
      (?P<comment>(?<!\\)%.*)
    | (?P<field>\[(?P<name>[IKLMmNPQRrsTUVWw]):(?P<value>[^\]\[]*)\])
    | (?P<old_chord>\+(?!f+\+)(?:{_PLAIN_NOTE}){{2,}}\+)
    | (?P<silent>{_SILENT}|y[\d./]*)
    | (?P<volta>\[\s*\d[\d,.-]*)
    | (?P<timed>(?:(?P<accidental>[\^_=]{{0,3}})(?P<letter>[A-Ga-g])(?P<octave>[,']*)|(?P<rest>[zx])|(?P<close>\]))
      (?P<length>\d*(?:/+\d*)?))
    | (?P<bar>(?:\[?\||::|:\|)(?:[|:\]]|\[\|)*(?:\d[\d,.-]*)?)
    | (?P<bars>[ZX](?P<count>\d*))
    | (?P<tie>-)
    | (?P<chord>\[(?=(?:"[^"]*"|[^\]\[|"])*\]))
    | (?P<grace>\{{(?=[^{{}}|]*\}}))
    | (?P<grace_end>\}})
    | (?P<broken><+|>+)
    | (?P<tuplet>\((?P<p>\d+)(?::(?P<q>\d*))?(?::(?P<r>\d*))?)
    | (?P<overlay>\(&|&+\)?)
    | (?P<microtone>[\^_]\d{{0,3}}/\d{{0,3}}[A-Ga-g])
    """,
    re.VERBOSE | re.ASCII,
)


def tokens(line: str) -> Iterator[re.Match[str]]:
    """Return the tokens of a line of music, as matches whose ``lastgroup`` is the kind of the token."""
    return _TOKEN.finditer(line)


@lru_cache(maxsize=4096)
def length_factor(text: str) -> Fraction:
    """Convert a length as written ("3/2", "/", "//", "") to a multiple of the unit note length.

    Args:
        text: The length as written.

    Returns:
        The multiple.

    Raises:
        ValueError: If the length divides by 0, is halved too often, or contains a number with too many digits.
    """
    above, _, below = text.rstrip("/").partition("/")
    halvings = text.count("/") - bool(below)
    if halvings > _MAX_HALVINGS:
        raise ValueError(f"a length is halved at most {_MAX_HALVINGS} times: got {text[:20]}...")
    divisor = number(below.lstrip("/") or "1")
    if divisor == 0:
        raise ValueError(f"a length cannot be divided by 0: got {text}")
    return Fraction(number(above or "1"), divisor * 2**halvings)
