"""Tests without sounds, for answers and statistics."""

from data_prep.randomness import stream
from tunesmith.listening.design import Key, Kind, ListeningTest, Passage, Shown, planned
from tunesmith.listening.orders import pair_sheets, screen_sheets


def paper_test(kind: Kind, num_passages: int, conditions: tuple[str, ...]) -> tuple[ListeningTest, Key]:
    """Lay out a test whose names say what they are."""
    rivals = conditions[1:]
    groups = [(conditions[0], rival) for rival in rivals] if kind == "pair" else [conditions]
    items = {
        f"p{passage}g{group}": tuple(f"p{passage}g{group}{condition}" for condition in who)
        for passage in range(num_passages)
        for group, who in enumerate(groups)
    }
    random = stream(0, "a test on paper")
    if kind == "pair":
        sheets = tuple(
            tuple(
                _shown(items, f"p{each.passage}g{each.version}", (0, 1) if each.human_first else (1, 0))
                for each in sheet
            )
            for sheet in pair_sheets(num_passages, len(rivals), random)
        )
    else:
        sheets = tuple(
            tuple(_shown(items, f"p{each.passage}g0", each.versions) for each in sheet)
            for sheet in screen_sheets(num_passages, len(conditions), random)
        )
    test = ListeningTest(
        id="paper",
        kind=kind,
        plan=planned(kind, 10),
        hear_s=0,
        items={name: tuple(sorted(clips)) for name, clips in items.items()},
        practice=(),
        sheets=sheets,
    )
    clips = {clip: condition for clip in test.clips for condition in conditions if clip.endswith(condition)}
    passages = {name: Passage(piece=name.split("g")[0], style="all", begin=0, end=None) for name in items}
    values = {"test": "paper", "seed": 0, "model": None, "amount": 1.0, "clips": clips, "items": passages}
    return test, Key.model_validate(values)


def _shown(items: dict[str, tuple[str, ...]], name: str, order: tuple[int, ...]) -> Shown:
    return Shown(item=name, clips=tuple(items[name][place] for place in order))
