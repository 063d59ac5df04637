"""Takes the README's picture, the page of the newest `make demo`, with Chromium: `python -m docs.report_picture`."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

DOCS = Path(__file__).parent
PICTURE = DOCS / "run-report.png"
DEMO_REPORTS = DOCS.parent / ".local" / "demo"
# From the verdict down to the plots.
PIXELS = (1200, 1365)


def newest_report(folder: Path = DEMO_REPORTS) -> Path:
    """The page of the newest run whose report is there; folders are named by time.

    Raises:
        SystemExit: when there is none.
    """
    pages = sorted(folder.glob("*/report.html"))
    if not pages:
        raise SystemExit("No report to take a picture of: run make demo first.")
    return pages[-1]


def take(page: Path, picture: Path) -> None:
    """Write what a browser shows of a page.

    Raises:
        SystemExit: without Chromium, or when it took no picture.
    """
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("Neither chromium nor google-chrome is installed (Debian: apt-get install chromium).")
    with tempfile.TemporaryDirectory(prefix="sagemaker-pca-picture-") as profile:
        command = [
            browser,
            "--headless",
            "--no-sandbox",  # which refuses root; the page is our own and has no scripts
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={profile}",
            f"--window-size={PIXELS[0]},{PIXELS[1]}",
            f"--screenshot={picture}",
            page.resolve().as_uri(),
        ]
        picture.unlink(missing_ok=True)
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if not picture.exists():
        raise SystemExit(f"{browser} took no picture:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    take(newest_report(), PICTURE)
