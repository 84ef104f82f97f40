"""``python store_makers.py HOME``: three processes create MLflow's store at the same time, and each writes to it."""

import os
import sys
from pathlib import Path

from search.tracking.client import connect, default_uri, quieten


def main() -> None:
    quieten()
    from mlflow import MlflowClient

    assert MlflowClient
    go, held = os.pipe()
    children: list[int] = []
    for number in range(3):
        child = os.fork()
        if child == 0:
            os.close(held)
            os.read(go, 1)  # returns when the parent starts all children
            connect(default_uri(Path(sys.argv[1]))).create_experiment(str(number))
            os._exit(0)
        children.append(child)
    os.close(held)
    sys.exit(any(os.waitpid(child, 0)[1] for child in children))


if __name__ == "__main__":
    main()
