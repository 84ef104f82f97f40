"""``tunesmith`` and ``python -m tunesmith``: import the packages beside this one, not files of the current folder."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line with the packages beside this one, and with installed libraries."""
    root = str(Path(__file__).resolve().parent.parent)
    if __name__ == "__main__" and os.path.realpath(sys.path[0]) == os.path.realpath("."):
        del sys.path[0]  # the current folder, which may have a models.py or a torch.py
    sys.path.insert(0, root)
    from tunesmith.cli import main as run

    run()


if __name__ == "__main__":
    main()
