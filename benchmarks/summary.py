"""Write results of benchmarks, and print all figures with their limits.

python benchmarks/summary.py
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def figure(
    name: str, measured: float, *, at_most: float | None = None, at_least: float | None = None
) -> dict[str, Any]:
    """Return a figure with its limit, for the list ``figures`` of a result.

    Args:
        name: Name and unit of the figure.
        measured: The measured value.
        at_most: The upper limit.
        at_least: The lower limit; exactly one of the limits is given.

    Returns:
        The row of the table.
    """
    assert (at_most is None) != (at_least is None)
    limit = f"at most {at_most:g}" if at_most is not None else f"at least {at_least:g}"
    met = measured <= at_most if at_most is not None else at_least is not None and measured >= at_least
    return {"what": name, "limit": limit, "measured": round(measured, 4), "met": met}


def write(result: Mapping[str, Any], path: Path) -> int:
    """Write a result as JSON; return the exit status, which is 1 if a limit is missed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(not all(row["met"] for row in result["figures"]))


def main() -> int:
    """Print the table; return the exit status, which is 1 if a limit is missed."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    rows = [row for result in results for row in result["figures"]]
    width = max(len(row["what"]) for row in rows)
    print(f"{'figure':{width}}  {'limit':>13}  {'measured':>8}  met")
    for row in rows:
        print(f"{row['what']:{width}}  {row['limit']:>13}  {row['measured']:>8g}  {'yes' if row['met'] else 'NO'}")
    return int(not all(row["met"] for row in rows))


if __name__ == "__main__":
    sys.exit(main())
