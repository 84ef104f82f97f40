"""The card that comes with a registered model: what it is, what it was made of, how good it is, what it is not for."""

from data_prep.wording import counted
from search.promotion.evidence import Evidence
from search.promotion.rule import Comparison


def model_card(evidence: Evidence, not_for: str) -> str:
    """Write the card in Markdown.

    Args:
        evidence: All that was looked at.
        not_for: What the family's models are not good for.

    Returns:
        The text.
    """
    objective, scores = evidence.objective, evidence.test.scores
    num_folds, found = len(evidence.folds.values), evidence.folds
    scored = [
        (f"cross-validation, {num_folds} folds", _error(found.mean, found.standard_error)),
        (f"sealed test, {counted(len(scores.values), 'piece')}", _error(scores.mean, scores.standard_error)),
        *((f"{name}, same test", f"{value:.3f}") for name, value in evidence.test.baselines.items()),
    ]
    made = (
        f"The mean of {counted(evidence.test.networks, 'network')}, trained by tunesmith {evidence.code_version} on "
        f"every open piece of its corpus, after the search `{evidence.search}` on {num_folds} folds put its "
        "settings forward."
    )
    data = (
        f"- corpus: {evidence.corpus}, repeats as {evidence.repeats} (fingerprint `{evidence.fingerprint}`, "
        f"seed {evidence.seed})\n"
        f"- licence: {evidence.licence}"
    )
    meaning = (
        f"{objective.name}: {objective.meaning}. The test was opened once, {evidence.test.at}. It came out "
        f"{evidence.optimism:+.3f} against cross-validation. {_choice(evidence)}."
    )
    size = (
        f"{counted(evidence.parameters, 'parameter', ',')}, {evidence.size_bytes / 1e6:.2f} MB, "
        f"{counted(evidence.epochs, 'epoch')}."
    )
    paragraphs = (  # of one line each: MLflow breaks lines where the text does
        f"# {evidence.name}: a {evidence.family}",
        *([f"**This model {evidence.loses_to}.**"] if evidence.loses_to else []),
        made,
        "## Data",
        data,
        "## How good it is",
        _table(("", objective.unit), scored),
        meaning,
        _against(evidence),
        "## Settings",
        _table(("setting", "value"), [(name, str(value)) for name, value in evidence.settings.items()]),
        size,
        "## What it is not good for",
        not_for,
    )
    return "\n\n".join(paragraphs) + "\n"


def _choice(evidence: Evidence) -> str:
    """Say among how many trials the model was chosen, and what the choice itself explains."""
    if evidence.num_candidates == 1:
        return "One trial had a full budget, so nothing was chosen among trials"
    tied = f"{evidence.num_tied} tied" if evidence.num_tied > 1 else "none tied with the best"
    return (
        f"Of {counted(evidence.num_candidates, 'trial')} with a full budget {tied}; choosing among them is estimated "
        f"to make it {evidence.bias:.3f} too optimistic"
    )


def _against(evidence: Evidence) -> str:
    champion, comparison, why = evidence.champion, evidence.comparison, _sentence(evidence.decision.why)
    if champion is None:
        return f"{why}."
    if isinstance(comparison, Comparison):
        return (
            f"Against version {champion.version} ({champion.trial}), on the same pieces, it is better by "
            f"{comparison.gain:.3f} (95 % interval {comparison.low:.3f} to {comparison.high:.3f}, paired bootstrap "
            f"over {counted(comparison.num_groups, 'composition')}). {why}."
        )
    return f"Version {champion.version} ({champion.trial}) was tested on other pieces. {why}."


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}"


def _table(header: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    return "\n".join(f"| {left} | {right} |" for left, right in (header, ("---", "---"), *rows))


def _error(mean: float, error: float) -> str:
    return f"{mean:.3f} ± {error:.3f}"
