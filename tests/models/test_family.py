"""Plain data of reports and metrics."""

import json
import math

from models.family import EpochReport
from models.metrics import FoldValues


def test_a_report_round_trips_through_json_exactly() -> None:
    report = EpochReport(3, {"loss": FoldValues((0.1, 1 / 3)), "spread": FoldValues((1e-300, 2e300))}, 0.25)
    plain = json.loads(json.dumps(report.to_plain()))
    assert plain == {
        "epoch": 3,
        "metrics": {"loss": [0.1, 1 / 3], "spread": [1e-300, 2e300]},
        "seconds": 0.25,
        "backend": "",
    }
    assert EpochReport.from_plain({**plain, "at": 17}) == report


def test_the_standard_error_of_one_fold_is_nan() -> None:
    assert FoldValues((1.0, 3.0)).summary() == {"mean": 2.0, "standard_error": 1.0, "folds": (1.0, 3.0)}
    assert math.isnan(FoldValues((1.0,)).summary()["standard_error"])
