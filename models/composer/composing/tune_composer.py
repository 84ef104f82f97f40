"""Compose tunes by a trained composer, with or without a prompt.

The prediction of a trained model is the mean over its folds' networks. A model with conditioning = upper_voices
composes the voices of a score from the top; each hears those above it, and a single tune is a top voice.

Metre, pickup and, for models that read every piece in C, the tonic are drawn with their frequencies in the training
pieces, unless the request or its prompt determines them. Then notes are sampled one by one from the tokens that
``note_rules`` allows; the last note fills at least the last beat. In a requested key all composed notes are in its
scale. If the key is unknown, the final tonic is estimated from the notes before, and the written key from all notes;
tunes of a model that was trained in all keys are then transposed to the most likely key.
"""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.randomness import stream
from data_prep.tunes.notation import DIVISIONS, Tune
from data_prep.wording import by_number, counted
from data_prep.writers.bars import beat_length
from models.composer.composing.batch import Batch
from models.composer.composing.best_key import in_best_key
from models.composer.composing.draft import Draft, Given
from models.composer.composing.heading import TuneHeading, bar_length, draw_heading, knows_metre
from models.composer.composing.kept_notes import compose_around
from models.composer.composing.note_rules import Bars, NoteRules, usable_tokens, writable
from models.composer.composing.prompt_events import PromptEvents, nearest_tokens, prompt_events
from models.composer.composing.steps import ComposerSteps
from models.composer.model import ComposerModel
from models.composer.spec import ComposerSpec
from models.training import checkpoint
from models.uses.kept_bars import KeptBars
from models.uses.request import SamplingRequest

MAX_COUNT = 1000
"""Most tunes in one call."""

_TOGETHER = 64
"""Tunes in one batch: full speed with little memory."""

_PURPOSE = "composing"
_KEPT = "composing around kept bars"


class TuneComposer:
    """A trained composer.

    Attributes:
        spec: The settings.
        vocabulary: The tokens.
        steps: The networks, one step at a time.
    """

    def __init__(self, saved: checkpoint.Checkpoint) -> None:
        """Build the networks of a trained model's file."""
        self.spec = ComposerSpec.from_stored(saved.spec)
        self.vocabulary = MelodyVocabulary.from_json(saved.extra["vocabulary"])
        if not writable(self.vocabulary).any():
            raise ValueError("its vocabulary has no note that can be notated")
        build = partial(ComposerModel, self.spec, self.vocabulary, seed=0, trial=0)
        self.steps = ComposerSteps(checkpoint.model(build, saved.training), self.vocabulary)

    @classmethod
    def load(cls, path: Path) -> "TuneComposer":
        """Read a trained model.

        Args:
            path: The file.

        Returns:
            The composer.

        Raises:
            BadInputError: If it is not a trained composer, or is of an earlier or a newer version.
        """
        saved = checkpoint.load_trained(path, "composer")
        try:
            return cls(saved)
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise checkpoint.incomplete_model(path, "composer", error) from error

    def compose(self, request: SamplingRequest, *, count: int = 1, seed: int = 1) -> list[Tune]:
        """Compose tunes.

        Args:
            request: The request, the same for all tunes.
            count: Number of tunes, or of scores with several voices.
            seed: Random seed; tune number i does not depend on the count.

        Returns:
            The tunes; with several voices, those of each score from the top.

        Raises:
            BadInputError: If the model cannot fulfil the request, or the count is not 1 to MAX_COUNT.
        """
        if not 1 <= count <= MAX_COUNT:
            raise BadInputError(f"from 1 to {MAX_COUNT} tunes are composed at once", f"got {count}")
        if self.spec.conditioning == "off" and (request.voices > 1 or request.above):
            raise BadInputError(
                "scores of several voices need a model that hears the voices above",
                "this one was trained with conditioning = off",
                remedy="compose single tunes, or train with conditioning = upper_voices",
            )
        tunes = self._tunes(request, range(count), seed)
        return [voice for number, top in enumerate(tunes) for voice in self._score(top, request, number, seed)]

    def _score(self, top: Tune, request: SamplingRequest, number: int, seed: int) -> list[Tune]:
        """Compose the voices below the top voice of score number i; the lowest may have to end on the tonic too."""
        voices = [top]
        while len(voices) < request.voices:
            above, is_lowest = (*request.above, *voices), len(voices) == request.voices - 1
            ends = request.end_on_tonic and is_lowest
            below = replace(request, voices=1, above=above, prompt=None, end_on_tonic=ends)
            voices += self._tunes(below, range(number, number + 1), seed)
        return voices

    def _tunes(self, request: SamplingRequest, numbered: range, seed: int) -> list[Tune]:
        """Compose one voice of the tunes with these numbers."""
        purpose = f"{_PURPOSE} voice {len(request.above) + 1}" if request.above else _PURPOSE
        prompt = self._prompt(request)
        rules: dict[tuple[int, int], NoteRules] = {}
        if request.kept is not None:
            return [self._around(request.kept, request, number, seed, rules) for number in numbered]
        tunes: list[Tune] = []
        for first in range(0, len(numbered), _TOGETHER):
            numbers = numbered[first : first + _TOGETHER]
            drafts = [self._draft(request, stream(seed, purpose, trial=number), rules) for number in numbers]
            self._write(drafts, request, prompt)
            num_prompt = 0 if prompt is None else len(prompt.pitch)
            tunes += [self._in_likely_key(draft.tune(num_prompt), request) for draft in drafts]
        return tunes

    def _around(
        self, kept: KeptBars, request: SamplingRequest, number: int, seed: int, rules: dict[tuple[int, int], NoteRules]
    ) -> Tune:
        """Compose tune number i around kept bars."""
        first = self._draft(request, stream(seed, _KEPT, trial=number), rules)
        notes = list(kept.notes())
        tokens = nearest_tokens(
            notes,
            self.vocabulary,
            shift=first.heading.shift,
            bar_length=bar_length(first.heading.metre),
            pickup=first.heading.pickup,
        )
        known = {
            int(onset * DIVISIONS): Given(token, pitch, int(duration * DIVISIONS))
            for token, (onset, pitch, duration) in zip(tokens, notes, strict=True)
        }
        trunk = replace(first, bars=replace(first.bars, kept=tuple(sorted(known))))

        def random(end: int, candidate: int) -> np.random.Generator:
            return stream(seed, f"{_KEPT}, gap to {end}", trial=number, fold=candidate)

        return compose_around(known, self._batch([trunk], request), request, random).tune(0)

    def _in_likely_key(self, tune: Tune, request: SamplingRequest) -> Tune:
        """Transpose a tune of a model that was trained in all keys to the likeliest key, unless a key is requested."""
        floor = self.vocabulary.floor
        if not self.spec.augment or floor is None or request.asked_key is not None:
            return tune
        return in_best_key(tune, floor.pitches, *request.pitch_range)

    def remarks(self, request: SamplingRequest) -> list[str]:
        """Return the limits of the model, and the parts of a request that the training data did not contain.

        Args:
            request: The request.

        Returns:
            One line for each part.
        """
        remarks: list[str] = []
        if self.spec.conditioning == "upper_voices" and request.voices == 1 and not request.above:
            remarks.append(
                "the model predicts a voice from the higher voices of its score; a single tune is composed as a top "
                "voice, which has none above it"
            )
        metre, prompt = request.asked_metre, self._prompt(request)
        if metre is not None and not knows_metre(self.vocabulary, metre):
            remarks.append(f"no piece that the model was trained on is in {metre[0]}/{metre[1]}")
        if prompt is not None and prompt.num_replaced:
            remarks.append(
                f"the model does not know {prompt.num_replaced} of the prompt's {counted(len(prompt.pitch), 'note')}; "
                f"the nearest known {by_number(prompt.num_replaced, 'note replaces it', 'notes replace them')}"
            )
        return remarks

    def _prompt(self, request: SamplingRequest) -> PromptEvents | None:
        if request.prompt is None:
            return None
        heading = draw_heading(request, self.spec, self.vocabulary, stream(0, _PURPOSE))  # draws nothing with a prompt
        prompt = prompt_events(
            request.prompt,
            self.vocabulary,
            num_notes=request.prompt_notes,
            shift=heading.shift,
            bar_length=bar_length(heading.metre),
            pickup=heading.pickup,
        )
        length = sum(prompt.duration) / bar_length(heading.metre)
        if length >= request.bars:
            raise BadInputError(
                f"a prompt must be shorter than the tune: its {counted(len(prompt.pitch), 'note')} "
                f"{by_number(len(prompt.pitch), 'takes', 'take')} {counted(float(length), 'bar', '.3g')} of "
                f"{request.bars}; ask for more bars or use fewer of its notes"
            )
        return prompt

    def _draft(
        self, request: SamplingRequest, random: np.random.Generator, rules: dict[tuple[int, int], NoteRules]
    ) -> Draft:
        """Begin a tune; tunes with the same shift and the same unit of the metre share their rules."""
        heading = draw_heading(request, self.spec, self.vocabulary, random)
        beat = beat_length(heading.metre)
        closing = beat - heading.pickup % beat  # the last beat, which the pickup shortens
        times = (bar_length(heading.metre), heading.pickup, closing, Fraction(4, heading.metre[1]))
        length, pickup, closing, unit = (int(time * DIVISIONS) for time in times)
        key = (heading.shift, unit)
        if key not in rules:
            rules[key] = self._rules(request, heading, unit)
        bars = Bars(length=length, pickup=pickup, end=request.bars * length, closing=closing)
        return Draft(heading, bars, rules[key], DIVISIONS, request.end_on_tonic, request.asked_form, random)

    def _rules(self, request: SamplingRequest, heading: TuneHeading, unit: int) -> NoteRules:
        low, high = request.pitch_range
        scale = None
        if request.key is not None and heading.key is not None:
            scale = frozenset((pitch + heading.shift) % 12 for pitch in heading.key.scale)
        usable = usable_tokens(self.vocabulary, low + heading.shift, high + heading.shift, scale)
        if not usable.any():
            inside = "" if request.key is None else f" in the scale of {request.key}"
            raise BadInputError(
                f"the model must have a note to compose with, and has none{inside} from MIDI pitch {low} to {high}; "
                "ask for a wider range"
            )
        in_tokens = self.spec.beat == "target"
        return NoteRules(self.vocabulary, usable, beat_in_tokens=in_tokens, resolution=DIVISIONS, unit=unit)

    def _write(self, drafts: list[Draft], request: SamplingRequest, prompt: PromptEvents | None) -> None:
        """Add the prompt to the drafts, then compose all of them to their ends, one note at a time."""
        batch = self._batch(drafts, request)
        if prompt is not None:
            for token, pitch, duration in zip(prompt.token, prompt.pitch, prompt.duration, strict=True):
                if token is not None:
                    batch.log_probabilities()
                    batch.add(np.full(len(drafts), token))
                for draft in drafts:
                    draft.append(Given(token, pitch, int(duration * DIVISIONS)))
        while live := [row for row, draft in enumerate(drafts) if not draft.is_finished]:
            batch.extend(live, request)

    def _batch(self, drafts: Sequence[Draft], request: SamplingRequest) -> Batch:
        return Batch(self.spec, self.vocabulary, self.steps, drafts, request.above)
