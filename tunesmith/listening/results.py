"""The results of a listening test: for each comparison counts, estimates and an equivalence test.

A judgement has a value in points. In a pair it is 100 for the human found, 0 for the other version chosen, and 50 for
"cannot tell", as if the listener had guessed: 50 is chance. For ratings it is the human's rating minus the other
version's: 0 is no difference.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from data_prep.errors import BadInputError
from data_prep.wording import counted
from tunesmith.listening import statistics
from tunesmith.listening.answers import Answers
from tunesmith.listening.design import CANNOT_TELL, CONDITIONS, HUMAN, Key, Kind, ListeningTest, Plan
from tunesmith.listening.statistics import Equivalence, Estimate

FOUND, MISSED = "human found", "other chosen"
PAIR_OUTCOMES = (FOUND, MISSED, CANNOT_TELL)
RATING_OUTCOMES = ("rated higher", "rated lower", "rated equal")

POINTS = 100.0
FEWEST = 2
"""Listeners and items without which their variance cannot be estimated."""


UNDECIDED = "undecided: neither a difference nor equivalence is shown"

_WORDS: Mapping[Kind, tuple[str, str, float]] = {
    "pair": (
        "told apart: the human is found more often than by chance",
        "told apart: the other version is taken for the human more often than by chance",
        POINTS / 2,
    ),
    "ratings": ("different: the first is rated higher", "different: the second is rated higher", 0.0),
}
"""What a mean above and below its centre shows, and the centre: the value if there is no difference (points)."""


class Judgement(NamedTuple):
    """A judgement of one comparison: its value in points, and the outcome."""

    listener: str
    item: str
    value: float
    outcome: str


@dataclass(frozen=True)
class Comparison:
    """The result of comparing two conditions.

    Attributes:
        name: The conditions, or the name of an example.
        counts: Number of judgements of each outcome.
        intervals: Exact interval of the share of each outcome (points), as if judgements were independent.
        listeners: Number of listeners, None if unknown.
        items: Number of items, None if unknown.
        estimate: The mean value (points).
        centre: The mean value if there is no difference (points).
        chosen: For pairs, the share of the human among the choices without "cannot tell", with its exact interval
            (points); None if there are none.
        d_prime: For pairs, d' of the mean value and of the ends of its interval.
        equivalence: The equivalence test.
        verdict: What the judgements show, in words.
    """

    name: str
    counts: Mapping[str, int]
    intervals: Mapping[str, tuple[float, float]]
    listeners: int | None
    items: int | None
    estimate: Estimate
    centre: float
    chosen: tuple[float, float, float] | None
    d_prime: tuple[float, float, float] | None
    equivalence: Equivalence
    verdict: str


@dataclass(frozen=True)
class ItemRow:
    """The judgements of one item: its piece, the comparison, the counts, and the mean value (points)."""

    item: str
    piece: str
    comparison: str
    counts: Mapping[str, int]
    mean: float


@dataclass(frozen=True)
class Results:
    """The results of a test.

    Attributes:
        kind: The kind of test.
        plan: What was fixed when the test was made.
        listeners: Number of listeners who answered.
        comparisons: The comparisons.
        means: For ratings, the mean rating of each condition.
        items: The items.
        remarks: What a reader of the results should know, one line each.
    """

    kind: Kind
    plan: Plan
    listeners: int
    comparisons: Sequence[Comparison]
    means: Mapping[str, Estimate]
    items: Sequence[ItemRow]
    remarks: Sequence[str]


def score(test: ListeningTest, key: Key, answers: Answers) -> Results:
    """Score a test.

    Args:
        test: The test.
        key: Its key.
        answers: The answers of its listeners.

    Returns:
        The results.

    Raises:
        BadInputError: If a comparison has too few answers.
    """
    judged = _pairs(test, key, answers) if test.kind == "pair" else _ratings(test, key, answers)
    for name, judgements in judged.items():
        _check_enough(name, judgements, test)
    return Results(
        kind=test.kind,
        plan=test.plan,
        listeners=len({listener for listener, _ in answers.kept}),
        comparisons=[_compared(name, judgements, test) for name, judgements in judged.items()],
        means={} if test.kind == "pair" else _means(test, key, answers),
        items=[row for name, judgements in judged.items() for row in _items(name, judgements, key)],
        remarks=answers.remarks(test),
    )


def compared(
    name: str, judgements: Sequence[Judgement], estimate: Estimate, kind: Kind, plan: Plan, *, is_grouped: bool = True
) -> Comparison:
    """Return the result of a comparison.

    Args:
        name: Its name.
        judgements: The judgements.
        estimate: Their mean.
        kind: The kind of test.
        plan: What was fixed before the first answer.
        is_grouped: Whether listeners and items are known.

    Returns:
        The result.
    """
    outcomes, centre = PAIR_OUTCOMES if kind == "pair" else RATING_OUTCOMES, _WORDS[kind][2]
    count = Counter(judgement.outcome for judgement in judgements)
    equivalence = statistics.equivalence(estimate, centre, plan.margin, plan.level)
    return Comparison(
        name=name,
        counts={outcome: count[outcome] for outcome in outcomes},
        intervals={outcome: _in_points(count[outcome], len(judgements)) for outcome in outcomes},
        listeners=len({judgement.listener for judgement in judgements}) if is_grouped else None,
        items=len({judgement.item for judgement in judgements}) if is_grouped else None,
        estimate=estimate,
        centre=centre,
        chosen=_chosen(count[FOUND], count[MISSED]) if kind == "pair" else None,
        d_prime=_d_primes(estimate) if kind == "pair" else None,
        equivalence=equivalence,
        verdict=_verdict(estimate, kind, equivalence, plan),
    )


def _compared(name: str, judgements: Sequence[Judgement], test: ListeningTest) -> Comparison:
    scale = (0.0, POINTS) if test.kind == "pair" else None
    values, listeners, items = ([judgement[place] for judgement in judgements] for place in (2, 0, 1))
    estimate = statistics.clustered([float(value) for value in values], listeners, items, scale)
    return compared(name, judgements, estimate, test.kind, test.plan)


def _pairs(test: ListeningTest, key: Key, answers: Answers) -> dict[str, list[Judgement]]:
    """Return the judgements of each comparison of a test with pairs."""
    judged: dict[str, list[Judgement]] = {name: [] for name in _names(test, key)}
    for (listener, item), answer in answers.kept.items():
        clips = test.items[item]
        (rival,) = (key.clips[clip] for clip in clips if key.clips[clip] != HUMAN)
        assert isinstance(answer.answer, str)
        value, words = _outcome(answer.answer, key.clip_of(clips, HUMAN))
        judged[_name(HUMAN, rival)].append(Judgement(listener, item, value, words))
    return judged


def _outcome(chosen: str, human: str | None) -> tuple[float, str]:
    if chosen == CANNOT_TELL:
        return POINTS / 2, CANNOT_TELL
    return (POINTS, FOUND) if chosen == human else (0.0, MISSED)


def _ratings(test: ListeningTest, key: Key, answers: Answers) -> dict[str, list[Judgement]]:
    """Return the judgements of each comparison of a test with ratings."""
    judged: dict[str, list[Judgement]] = {name: [] for name in _names(test, key)}
    for (listener, item), answer in answers.kept.items():
        assert isinstance(answer.answer, dict)
        rating = {key.clips[clip]: value for clip, value in answer.answer.items()}
        reference, *rivals = _conditions(test, key)
        for rival in rivals:
            difference = rating[reference] - rating[rival]
            higher, lower, equal = RATING_OUTCOMES
            words = equal if difference == 0 else higher if difference > 0 else lower
            judged[_name(reference, rival)].append(Judgement(listener, item, difference, words))
    return judged


def _means(test: ListeningTest, key: Key, answers: Answers) -> dict[str, Estimate]:
    listeners, items = zip(*answers.kept, strict=True)
    means: dict[str, Estimate] = {}
    for condition in _conditions(test, key):
        values = [
            float(value)
            for answer in answers.kept.values()
            if isinstance(answer.answer, dict)
            for clip, value in answer.answer.items()
            if key.clips[clip] == condition
        ]
        means[condition] = statistics.clustered(values, listeners, items)
    return means


def _conditions(test: ListeningTest, key: Key) -> list[str]:
    """Return the conditions of a test, the human or else the first one first."""
    present = {key.clips[clip] for clips in test.items.values() for clip in clips}
    return [condition for condition in CONDITIONS if condition in present]


def _names(test: ListeningTest, key: Key) -> list[str]:
    reference, *rivals = _conditions(test, key)
    return [_name(reference, rival) for rival in rivals]


def _name(reference: str, rival: str) -> str:
    return f"{reference} and {rival}"


def _items(name: str, judgements: Sequence[Judgement], key: Key) -> Iterator[ItemRow]:
    by_item: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        by_item.setdefault(judgement.item, []).append(judgement)
    rows = [
        ItemRow(
            item,
            key.items[item].piece,
            name,
            dict(Counter(judgement.outcome for judgement in of_item)),
            sum(judgement.value for judgement in of_item) / len(of_item),
        )
        for item, of_item in by_item.items()
    ]
    yield from sorted(rows, key=lambda row: -row.mean)


def _check_enough(name: str, judgements: Sequence[Judgement], test: ListeningTest) -> None:
    listeners = len({judgement.listener for judgement in judgements})
    items = len({judgement.item for judgement in judgements})
    if min(listeners, items) < FEWEST:
        raise BadInputError(
            f"scoring needs answers of at least {FEWEST} listeners to at least {FEWEST} items of each comparison",
            f"{name} has {counted(len(judgements), 'answer')} of {counted(listeners, 'listener')} to "
            f"{counted(items, 'item')}",
            remedy=f"collect more answers; {test.plan.judgements} are planned for each comparison",
        )


def _in_points(hits: int, count: int) -> tuple[float, float]:
    low, high = statistics.exact_interval(hits, count)
    return POINTS * low, POINTS * high


def _chosen(found: int, missed: int) -> tuple[float, float, float] | None:
    total = found + missed
    return (POINTS * found / total, *_in_points(found, total)) if total else None


def _d_primes(estimate: Estimate) -> tuple[float, float, float]:
    count = max(round(estimate.effective), 1)
    mean, low, high = (
        statistics.d_prime(value / POINTS, count) for value in (estimate.mean, estimate.low, estimate.high)
    )
    return mean, low, high


def _verdict(estimate: Estimate, kind: Kind, equivalence: Equivalence, plan: Plan) -> str:
    above, below, centre = _WORDS[kind]
    small = f", by less than {plan.margin:g} points" if equivalence.shown else ""
    if estimate.low > centre:
        return f"{above}{small}"
    if estimate.high < centre:
        return f"{below}{small}"
    if equivalence.shown:
        return f"equivalent within {plan.margin:g} points"
    return UNDECIDED
