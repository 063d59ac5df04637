"""`make bench`: every group of measurements in turn, or those named, then one table, a JSON file and a picture each."""

from __future__ import annotations

import argparse
import importlib
import tempfile
import time
from pathlib import Path

from benchmarks.fresh_process import say
from benchmarks.load import load_average, wait_until_idle
from benchmarks.measurement import RESULTS, Group, Machine, Results, picture_path, timestamp
from benchmarks.overview import OVERVIEW, overview
from benchmarks.table import render
from quickstart.processes import programs_end_here

# In the order of the table; the names are those of modules with a function `measure`.
TITLES = {
    "processing": "Processing: recording to features",
    "scoring": "Scoring: rows beyond limits, beside features",
    "recordio": "RecordIO: writing and reading features",
    "training": "Training: features to model",
    "endpoint": "Endpoint: rows to projections",
    "deferred_waits": "Waiting for jobs in one triggerer",
    "dag_import_time": "Parsing DAG files",
    "sweep_plan": "Planning a sweep",
    "run_overhead": "A run beside its jobs",
    "pages": "Pages in Airflow",
    "scale": "The same files on several hosts",
    "many_pipelines": "Two hundred pipelines in one Airflow",
}


def main() -> int:
    """Measure, show, keep; 1 when a limit was missed, which the table marks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("groups", nargs="*", metavar="group", help=f"{', '.join(TITLES)}; none: all")
    parser.add_argument("--full", action="store_true", help="also 50 million rows through processing and training")
    options = parser.parse_args()
    if unknown := set(options.groups) - set(TITLES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. Groups are {', '.join(TITLES)}.")
    measured: dict[str, Group] = {}
    with programs_end_here():
        for name in options.groups or TITLES:
            measured[name] = measure(name, options.full)
            keep(name, measured[name])
    say(f"\n{render(measured)}\nKept in {RESULTS.parent.relative_to(Path(__file__).parents[1])}/")
    missed = Results(groups=measured).missed
    if missed:
        say("Missed: " + "; ".join(missed))
    return 1 if missed else 0


def measure(name: str, full: bool) -> Group:
    """Measure one group in a folder of its own, on an idle machine if it comes to rest."""
    say(f"\n{TITLES[name]} ({name})")
    load_before, started = wait_until_idle(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"{name.replace('_', '-')}-") as folder:
        group: Group = importlib.import_module(f"benchmarks.{name}").measure(Path(folder), full)
    taken = {
        "title": TITLES[name],
        "taken_at": timestamp(),
        "took_seconds": round(time.monotonic() - started, 1),
        "load_before": load_before,
        "load_after": load_average(),
        "machine": Machine.this(),
    }
    return group.model_copy(update=taken)


def keep(name: str, group: Group) -> None:
    """Write a group into the results, and the pictures beside them."""
    from benchmarks.plots import draw

    results = Results.read().replaced({name: group})
    results.write()
    for path, pictured in ((picture_path(name), group), (OVERVIEW, overview(results))):
        if pictured.pictured:
            draw(pictured, path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
