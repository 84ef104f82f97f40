"""Draw docs/images/search.svg: the built-in search on a terminal, while it runs and at its end.

    python docs/draw_search.py

This runs the search in a temporary folder; it takes less than five minutes.
"""

import os
import pty
import re
import subprocess
import sys
import tempfile
from io import StringIO
from pathlib import Path

from rich.console import Console
from rich.text import Text

TARGET = Path(__file__).parent / "images" / "search.svg"
COMMAND = ("tunesmith", "search", "composer")
WIDTH = 110
_REDRAW = re.compile(r"(?:\r?\x1b\[2K|\x1b\[1A)+")
_WEB = re.compile(r"\s*@font-face \{[^}]*\}|\s*<!--.*?-->", re.DOTALL)  # fonts that a browser would fetch
_WAITING = re.compile(r"^.*writing the re\w+ .*\.\.\..*\n?", re.MULTILINE)
_COUNT = re.compile(r"(\d+) of (\d+) trials")


def on_terminal(command: tuple[str, ...]) -> str:
    """Run a command on a pseudo-terminal, and return its output."""
    ours, theirs = pty.openpty()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if name != "TUNESMITH_HOME"},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),  # as in an active venv
            "COLUMNS": str(WIDTH),
            "LINES": "60",
            "TERM": "xterm-256color",
        }
        tunesmith = Path(sys.executable).with_name(command[0])
        process = subprocess.Popen(  # noqa: S603  (a trusted command)
            [tunesmith, *command[1:]], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, cwd=folder
        )
        os.close(theirs)
        output: list[bytes] = []
        while True:
            try:
                output.append(os.read(ours, 65536))
            except OSError:  # the command has ended
                break
        if process.wait():
            raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}")
    return b"".join(output).decode().replace("\r\n", "\n")


def late_frame(frames: list[str]) -> str:
    """Return the frame of the live panel whose number of ended trials is closest to two thirds of the last frame's."""
    panels = [(frame, count) for frame in frames if (count := _COUNT.search(frame))]
    last = int(panels[-1][1][1])
    return min(panels, key=lambda panel: abs(3 * int(panel[1][1]) - 2 * last))[0]


def main() -> int:
    """Run the search and draw it."""
    frames = _REDRAW.split(on_terminal(COMMAND))
    after = 1 + max(at for at, frame in enumerate(frames) if _COUNT.search(frame))
    end = _WAITING.sub("", "".join(frames[after:]))
    console = Console(width=WIDTH, record=True, file=StringIO(), force_terminal=True)
    console.print(f"[dim]$[/] {' '.join(COMMAND)}\n")
    console.print(Text.from_ansi(late_frame(frames[:after])))
    console.print("\n[dim]... and at the end:[/]\n")
    console.print(Text.from_ansi(re.sub(r"\x1b\[\?25[hl]", "", end)))
    TARGET.write_text(_WEB.sub("", console.export_svg(title=" ".join(COMMAND))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
