"""Score unseen performances by a trained StyleNet on the objective of searches.

Predictions are the mean over the StyleNet's networks, each performance in its own style.
"""

from itertools import pairwise

import numpy as np

from data_prep.encodings.views import GridSizes
from data_prep.performances.arrays import Performances
from models.family import Lack, Scored
from models.metrics import ONSET_MAE
from models.stylenet.performer import Performer
from models.stylenet.velocity_scores import piece_scores


def score_performances(performer: Performer, performances: Performances) -> Scored:
    """Score performances by a trained StyleNet; see ``models.family.Family.score``.

    Args:
        performer: The StyleNet.
        performances: The P performances.

    Returns:
        [P] mean absolute errors of velocities (MIDI units), NaN in unknown styles, and the number of such performances.
    """
    velocity = np.full(performances.num_notes, np.nan)
    for number, (begin, end) in enumerate(pairwise(performances.start.tolist())):
        style = performances.styles[int(performances.style[number])]
        if style in performer.styles:
            velocity[begin:end] = performer.velocities(performances.one(number), style)
    values = piece_scores(performances, velocity, GridSizes.of(performances)).values[ONSET_MAE.name]
    condition = f"in a style that the model lacks (it has {', '.join(performer.styles)})"
    missing = int(np.isnan(values).sum())
    return Scored(values, [Lack("unknown_styles", "performances", condition, missing, len(values))])
