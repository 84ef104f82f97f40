"""Prompts as tokens: known notes are kept, unknown notes are replaced by the nearest."""

from fractions import Fraction

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import REST_PITCH
from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from models.composer.composing.prompt_events import PromptEvents, prompt_events
from tests.models.toy_vocabulary import vocabulary_of

HALF, ONE, TWO = Fraction(1, 2), Fraction(1), Fraction(2)
KNOWN = [(60, 0), (62, 0), (72, 0), (62, 1), (63, 1), (REST_PITCH, 0)]
"""C4, D4 and C5 as eighths, D4 and E flat 4 as quarters, a rest of an eighth."""


def events(
    notes: list[tuple[int, Fraction]], *, made: MelodyVocabulary | None = None, num_notes: int = 99, shift: int = 0
) -> PromptEvents:
    prompt = Tune(tuple(pitch for pitch, _ in notes), tuple(duration for _, duration in notes))
    made = made or vocabulary_of(KNOWN, [HALF, ONE])
    return prompt_events(prompt, made, num_notes=num_notes, shift=shift, bar_length=Fraction(4), pickup=Fraction(0))


def test_known_notes_are_themselves() -> None:
    notes = [(62, ONE), (60, HALF), (REST, HALF), (72, HALF)]
    assert events(notes) == PromptEvents((3, 0, 5, 2), (62, 60, REST, 72), (ONE, HALF, HALF, HALF), 0)
    assert events(notes, num_notes=2) == PromptEvents((3, 0), (62, 60), (ONE, HALF), 0)


def test_unknown_notes_become_the_nearest_duration_then_pitch_class() -> None:
    actual = events([(60, TWO), (48, HALF), (74, HALF), (85, HALF), (60, ONE), (REST, TWO)])
    #               quarters: D4 C4       D4 is a D     C5 (no C#)  no C as a quarter
    assert actual.token == (3, 0, 1, 2, 3, 5)
    assert actual.pitch == (62, 60, 62, 72, 62, REST)
    assert actual.duration == (ONE, HALF, HALF, HALF, ONE, HALF)
    assert actual.num_replaced == 6


def test_the_key_is_shifted_to_the_models_frame_and_back() -> None:
    actual = events([(69, HALF), (71, HALF)], shift=-9)
    assert (actual.token, actual.pitch, actual.num_replaced) == ((0, 1), (69, 71), 0)


def test_rests_are_kept_if_the_model_reads_none() -> None:
    actual = events([(60, HALF), (REST, HALF), (62, HALF)], made=vocabulary_of(KNOWN[:-1], [HALF, ONE]))
    assert (actual.token, actual.pitch, actual.num_replaced) == ((0, None, 1), (60, REST, 62), 0)


def test_an_event_gets_the_token_of_its_place_in_the_bar() -> None:
    made = vocabulary_of([(60, 0, 0), (60, 0, 1), (62, 0, 2), (60, 0, 2)], [ONE], [Fraction(0), ONE, TWO])
    assert events([(60, ONE)] * 4, made=made).token == (0, 1, 3, 3)  # the fourth beat's nearest is the third


def test_notes_stay_within_midi() -> None:
    made = vocabulary_of([(127, 0), (115, 0)], [HALF])
    actual = events([(127, HALF)], made=made, shift=-5)
    assert (actual.token, actual.pitch, actual.num_replaced) == ((1,), (120,), 1)
