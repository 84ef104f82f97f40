"""``python -m tunesmith``: the command line, where its program is not on the PATH."""

from tunesmith.cli import main

if __name__ == "__main__":
    main()
