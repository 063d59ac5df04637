"""Opening a pipeline's page over a thousand runs, beside Airflow's own list of runs; and what the plugin costs others.

Every process of Airflow imports the plugin; only the API server imports the pages, when somebody opens the first one.
"""

from __future__ import annotations

from pathlib import Path

from benchmarks.fresh_process import medians, module, run, say
from benchmarks.measurement import Group, Growth, Row
from quickstart.airflow_home import ROOT, airflow_environment, create_airflow_home
from quickstart.ui import admin_password, ui_settings

SIZES = (100, 1_000)
ROUNDS = 9
PROCESSES = 9
MAX_PAGE_SECONDS = 1.0
MAX_IMPORT_MS = 20
BESIDE = "GET /api/v2/dags/…/dagRuns?limit=100"


def measure(folder: Path, full: bool) -> Group:
    """Open pages of ever more runs, each number in an Airflow of its own; then import the plugin."""
    opened = [open_pages(folder / str(count), count) for count in SIZES]
    largest, runs = opened[-1], f"of {SIZES[-1]:,} runs"
    rows = [
        Row(name=name, unit="s", ours=largest[key], beside=BESIDE, theirs=largest["airflow_seconds"], max_ours=limit)
        for name, key, limit in (
            (f"a pipeline's page, the newest 50 {runs}", "page_seconds", MAX_PAGE_SECONDS),
            (f"a pipeline's page, all {runs}", "long_page_seconds", MAX_PAGE_SECONDS),
            (f"as JSON, all {runs}", "json_seconds", None),
        )
    ]
    long_pages = Growth(
        name="a pipeline's page, all runs", sizes=SIZES, seconds=tuple(pages["long_page_seconds"] for pages in opened)
    )
    return Group(rows=(*rows, import_row(folder)), growth=(long_pages,), size_label="runs")


def open_pages(home: Path, runs: int) -> dict[str, float]:
    """Seconds of each page, by the program's names."""
    create_airflow_home(home)
    admin_password(home / "passwords.json")
    settings = ui_settings(home, 0, {"benchmark": Path(__file__).parent / "dags"})
    environment = airflow_environment(home, "", settings) | {"PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}:{ROOT / 'dags'}"}
    run(module("airflow", "dags", "reserialize"), environment)
    taken: dict[str, float] = run(
        module("benchmarks.programs.open_pages", str(runs), str(ROUNDS)), environment
    ).reported
    say(f"  {runs:,} runs: " + ", ".join(f"{name} {seconds:.3f}" for name, seconds in taken.items()))
    return taken


def import_row(folder: Path) -> Row:
    """What the plugin adds to a process that loads plugins; the first, unmeasured one writes the bytecode."""
    environment = airflow_environment(folder / str(SIZES[0]), "", {}) | {
        "PYTHONDONTWRITEBYTECODE": "",
        "PYTHONPATH": f"{ROOT}:{ROOT / 'plugins'}",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }
    command = module("benchmarks.programs.import_plugin")
    run(command, environment)
    taken = medians([run(command, environment) for _ in range(PROCESSES)]).reported
    return Row(
        name="import the plugin, on top",
        unit="ms",
        ours=1000 * taken["plugin_seconds"],
        beside="airflow.plugins_manager",
        theirs=1000 * taken["airflow_seconds"],
        max_ours=MAX_IMPORT_MS,
    )
