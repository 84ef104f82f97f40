"""The view of performances for a StyleNet's settings."""

from data_prep.encodings.views import GridView, NoteView, View
from data_prep.performances.arrays import Performances
from models.stylenet.spec import StyleNetSpec


def make_view(spec: StyleNetSpec, performances: Performances) -> View:
    """Return the representation of performances according to ``spec.view``."""
    if spec.view == "note":
        return NoteView.of(performances, spec.features)
    return GridView.of(performances, metre=spec.metre, loss_cells=spec.loss_cells)
