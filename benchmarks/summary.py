"""Shows every figure that has a limit, as last written to benchmarks/results, and whether it is met.

python benchmarks/summary.py
"""

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def figure(
    what: str, measured: float, *, at_most: float | None = None, at_least: float | None = None
) -> dict[str, Any]:
    """Put a figure beside its limit, for the list ``figures`` of a result.

    Args:
        what: What it is, with its unit.
        measured: What was measured.
        at_most: The limit from above.
        at_least: The limit from below.

    Returns:
        What the table shows of it.
    """
    assert (at_most is None) != (at_least is None)
    limit = f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}"
    met = measured <= at_most if at_most is not None else at_least is not None and measured >= at_least
    return {"what": what, "limit": limit, "measured": round(measured, 4), "met": met}


def main() -> int:
    """Print the table; the exit status is 1 where a limit is missed."""
    files = {path: json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))}
    rows = [one for result in files.values() for one in result["figures"]]
    width = max(len(one["what"]) for one in rows)
    print(f"{'figure':{width}}  {'limit':>13}  {'measured':>8}  met")
    for one in rows:
        print(f"{one['what']:{width}}  {one['limit']:>13}  {one['measured']:>8g}  {'yes' if one['met'] else 'NO'}")
    return int(not all(one["met"] for one in rows))


if __name__ == "__main__":
    sys.exit(main())
