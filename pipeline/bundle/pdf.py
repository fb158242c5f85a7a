"""A page as PDF, printed by a browser without a window."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from pipeline.errors import ProgramError
from pipeline.programs import last_line

BROWSERS = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)  # fmt: skip
TIMEOUT_S = 120


def write(page: Path, target: Path) -> None:
    """Print a page of HTML.

    Raises
    ------
    ProgramError
        If no browser is installed, or it fails.
    """
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise ProgramError(
            "the report is printed by Chromium or Chrome, and neither is on PATH; install one: apt-get install chromium"
        )
    # A container's superuser has no sandbox; the page is this project's own and loads nothing.
    rights = ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as profile:
        words = [
            browser, "--headless", "--disable-gpu", *rights, f"--user-data-dir={profile}", "--no-pdf-header-footer",
            f"--print-to-pdf={target.absolute()}", page.absolute().as_uri(),
        ]  # fmt: skip
        try:
            done = subprocess.run(words, capture_output=True, check=False, timeout=TIMEOUT_S)
            reason = last_line(done.stderr)
        except subprocess.TimeoutExpired:
            reason = f"no answer within {TIMEOUT_S} s"
    if not target.is_file():
        raise ProgramError(f"{browser} did not print the report ({reason}); start it by hand to see why")
