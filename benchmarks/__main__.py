"""`make bench`: every measurement in turn, each in a process of its own, as a table of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

MEASUREMENTS = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if "\nif __name__ ==" in path.read_text(encoding="utf-8")
)


def main() -> int:
    """Run all measurements; the exit code says whether each could be taken, not how it came out."""
    failed = []
    for name in MEASUREMENTS:
        print(f"\n{name.replace('_', ' ')}", flush=True)
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode != 0:
            failed.append(name)
    if failed:
        print(f"\nCould not be measured or missed its limit: {', '.join(failed)}")
    return len(failed)


sys.exit(main())
