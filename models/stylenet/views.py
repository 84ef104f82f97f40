"""Which view of performances a StyleNet's settings ask for."""

from data_prep.encodings.views import GridView, NoteView, View
from data_prep.performances.arrays import Performances
from models.stylenet.spec import StyleNetSpec


def make_view(spec: StyleNetSpec, performances: Performances) -> View:
    """Return the representation of performances that ``spec.view`` chooses."""
    if spec.view == "note":
        return NoteView.of(performances, spec.features)
    return GridView.of(performances, metre=spec.metre, loss_cells=spec.loss_cells)
