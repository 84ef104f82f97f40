"""Draw docs/images/report.png: the top of the report of a finished search, as Chromium shows it.

    python docs/draw_report.py NAME HOME

NAME is a search in the home folder HOME, such as the built-in one after `make search`.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

TARGET = Path(__file__).parent / "images" / "report.png"
WIDTH, HEIGHT = 1200, 1180
COLOURS = 64
CHROMIUM = ("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars")


def main() -> None:
    """Write the report into a temporary folder, and draw it."""
    name, home = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        report, screenshot = Path(folder, "report.html"), Path(folder, "screenshot.png")
        tunesmith = [sys.executable, "-m", "tunesmith", "report", name, "--home", home, "--out", str(report)]
        subprocess.run(tunesmith, check=True)  # noqa: S603  (a trusted command)
        view = (f"--window-size={WIDTH},{HEIGHT}", "--virtual-time-budget=20000", f"--screenshot={screenshot}")
        subprocess.run([*CHROMIUM, *view, report.as_uri()], check=True)  # noqa: S603
        with Image.open(screenshot) as image:
            image.convert("RGB").quantize(COLOURS).save(TARGET, optimize=True)


if __name__ == "__main__":
    main()
