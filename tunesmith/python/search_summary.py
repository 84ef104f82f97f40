"""A search in a notebook: what it found, and its best trials."""

from typing import TYPE_CHECKING

from data_prep.wording import counted

if TYPE_CHECKING:
    from search.spec.file import AnyFamily
    from search.study.records import SearchRecord

_BEST = 5


def search_html(record: "SearchRecord", family: "AnyFamily") -> str:
    """Return the findings of a search and the table of its best trials.

    Args:
        record: The search; it may be running.
        family: Its family.

    Returns:
        The HTML.
    """
    from search.study.report import configurations, counts
    from tunesmith.figures import duration, settings_line, state_word, with_error
    from tunesmith.python.notebook import table_html
    from tunesmith.reports.findings import findings
    from tunesmith.searching.baseline_cache import comparable

    spec, objective = record.spec, family.metrics[0]
    found = configurations(record.trials, objective)
    scored = comparable(family.name, record.fingerprint, len(found[0].score.values)) if found else ()
    states = ", ".join(f"{count} {state_word(state)}" for state, count in counts(record.trials).items())
    head = f"{counted(len(record.trials), 'trial')} in {duration(record.seconds)}: {states or 'none yet'}"
    running = ", running" if record.driver else ""
    rows = [
        (
            f"#{each.trial.number}",
            with_error(each.score),
            each.num_seeds,
            duration(each.trial.seconds),
            settings_line(
                {name: each.trial.values[name] for name in spec.space.searched if name in each.trial.values},
                family.spec_type.defaults(),
            ),
        )
        for each in found[:_BEST]
    ]
    return table_html(
        f"{spec.name}: {family.name} on {spec.data.title}, {spec.data.folds_title}{running}",
        [head, *(finding.sentence for finding in findings(found, spec, family, record, scored))],
        ("trial", objective.name.replace("_", " "), "seeds", "time", "searched settings that differ from the defaults"),
        rows,
    )
