"""``tunesmith`` and ``python -m tunesmith``: finds our packages first, whatever lies in the folder the user is in."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line with the packages beside this one, and libraries from where they are installed."""
    root = str(Path(__file__).resolve().parent.parent)
    if __name__ == "__main__" and os.path.realpath(sys.path[0]) == os.path.realpath("."):
        del sys.path[0]  # Python puts the folder the user is in there, where a models.py or a torch.py may lie
    sys.path.insert(0, root)
    from tunesmith.cli import main as run

    run()


if __name__ == "__main__":
    main()
