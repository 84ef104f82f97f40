"""The n-gram's settings."""

from typing import Literal

from models.spec import Spec, setting


class NgramSpec(Spec):
    """Settings of an n-gram, in the order in which a search samples them."""

    order: int = setting(2, "events in an n-gram, including the predicted event", low=1, high=4)
    smoothing: Literal["mixture", "add"] = setting(
        "mixture",
        "probability of unseen events: a share of a uniform distribution, or by a number added to each count",
    )
    share: float = setting(
        0.9, "share of the n-gram in the mixture", low=0.0, high=0.999, when={"smoothing": ("mixture",)}
    )
    added: float = setting(0.01, "number added to each count", low=1e-6, high=1.0, when={"smoothing": ("add",)})
    epochs: int = setting(
        3, "the full budget; each epoch counts an equal part of the pieces", low=1, high=64, unit="epochs"
    )
