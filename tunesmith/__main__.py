"""``tunesmith`` and ``python -m tunesmith``, which import our packages and not modules in the current folder."""

import os
import sys
from pathlib import Path


def main() -> None:
    """Run the command line with the packages next to this one and the installed libraries."""
    if __name__ == "__main__" and os.path.realpath(sys.path[0]) == os.path.realpath("."):
        del sys.path[0]  # the current folder, which may contain a models.py or a torch.py
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from tunesmith.cli import main as run

    run()


if __name__ == "__main__":
    main()
