"""The model card of a registered model: what it is, what it was trained on, how good it is and what it is not for."""

import math

from data_prep.wording import counted
from search.promotion.evidence import Evidence
from search.promotion.rule import Comparison


def model_card(evidence: Evidence, not_for: str) -> str:
    """Write the card in Markdown.

    Args:
        evidence: The evidence of the promotion.
        not_for: What the family's models are not good for.

    Returns:
        The text.
    """
    sections = (
        f"# {evidence.name}: a {evidence.family}",
        f"**This model {evidence.loses_to}.**" if evidence.loses_to else "",
        _origin(evidence),
        "## Data",
        _data(evidence),
        "## How good it is",
        _scores(evidence),
        f"{evidence.objective.name}: {evidence.objective.meaning}. {_test(evidence)} {_choice(evidence)}.",
        _against(evidence),
        "## Hyperparameters",
        _table(("name", "value"), [(name, str(value)) for name, value in evidence.settings.items()]),
        _size(evidence),
        "## What it is not good for",
        not_for,
    )
    return "\n\n".join(filter(None, sections)) + "\n"  # one line per paragraph: MLflow preserves line breaks


def _origin(evidence: Evidence) -> str:
    return (
        f"The mean of {counted(evidence.test.networks, 'network')}, trained by tunesmith {evidence.code_version} on "
        f"all open pieces of its corpus. The search `{evidence.search}` found its hyperparameters on "
        f"{counted(len(evidence.folds.values), 'fold')}."
    )


def _data(evidence: Evidence) -> str:
    return (
        f"- corpus: {evidence.corpus}, repeats as {evidence.repeats} (fingerprint `{evidence.fingerprint}`, "
        f"seed {evidence.seed})\n"
        f"- licence: {evidence.licence}"
    )


def _scores(evidence: Evidence) -> str:
    folds, scores = evidence.folds, evidence.test.scores
    rows = [
        (evidence.validation_and_folds, _with_error(folds.mean, folds.standard_error)),
        (f"sealed test, {counted(len(scores.values), 'piece')}", _with_error(scores.mean, scores.standard_error)),
        *((f"{name}, same test", f"{value:.3f}") for name, value in evidence.test.baselines.items()),
    ]
    return _table(("", evidence.objective.unit), rows)


def _test(evidence: Evidence) -> str:
    direction = "worse" if evidence.optimism > 0 else "better"
    return (
        f"The sealed test set was opened once, at {evidence.test.at}. The result is {abs(evidence.optimism):.3f} "
        f"{direction} than in {evidence.validation}."
    )


def _choice(evidence: Evidence) -> str:
    """Return how many trials the model was chosen from, and how much of the optimism the choice explains."""
    if evidence.num_candidates == 1:
        return "One trial had a full budget, so there was no choice between trials"
    tied = f"{evidence.num_tied} tied" if evidence.num_tied > 1 else "none tied with the best"
    return (
        f"Of {counted(evidence.num_candidates, 'trial')} with a full budget, {tied}; the choice between them is "
        f"estimated to make {evidence.validation} {evidence.bias:.3f} too optimistic"
    )


def _against(evidence: Evidence) -> str:
    champion, comparison, why = evidence.champion, evidence.comparison, evidence.decision.why
    reason = f"{why[:1].upper()}{why[1:]}."
    if champion is None:
        return reason
    if isinstance(comparison, Comparison):
        return (
            f"On the same pieces its gain over version {champion.version} ({champion.trial}) is {comparison.gain:.3f} "
            f"(95 % interval {comparison.low:.3f} to {comparison.high:.3f}, paired bootstrap over "
            f"{counted(comparison.num_groups, 'composition')}). {reason}"
        )
    return f"Version {champion.version} ({champion.trial}) was tested on other pieces. {reason}"


def _size(evidence: Evidence) -> str:
    size, epochs = f"{evidence.size_bytes / 1e6:.2f} MB", counted(evidence.epochs, "epoch")
    return f"{counted(evidence.parameters, 'parameter', ',')}, {size}, trained for {epochs}."


def _table(header: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    return "\n".join(f"| {left} | {right} |" for left, right in (header, ("---", "---"), *rows))


def _with_error(mean: float, error: float) -> str:
    return f"{mean:.3f} ± {error:.3f}" if math.isfinite(error) else f"{mean:.3f}"
