"""A run's jobs on 1, 2 and 4 hosts of the embedded service, over the same files.

All hosts are processes of this one machine and share its cores, so that seconds do not fall as they would on a cluster.
What this tells: how the work divides, what dividing costs, and that features and model stay what they are on one host.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.fresh_process import Usage, medians, module, run, say, take_turns
from benchmarks.measurement import Group, Growth, Row
from benchmarks.processing import script_arguments
from benchmarks.recording import write_recording
from quickstart.airflow_home import airflow_environment
from quickstart.embedded_service import start_service, upload_raw_data

HOSTS = (1, 2, 4)
FILES, FILE_ROWS = 8, 250_000
ROUNDS = 2
MODEL = ("mean", "singular_values", "components")
# Two units in the last place of a float32; the centre of standardized features is noise about zero.
FEATURE_TOLERANCE = 2.4e-7
MODEL_TOLERANCE = 1e-5
NOISE = 1e-6
ONE_HOST = "one host"
# What the program reports of the jobs, by the name of its rows.
TAKEN = {
    "processing": "processing_seconds",
    "processing, processor time of all hosts": "processing_processor_seconds",
    "training": "training_seconds",
    "training, processor time of all hosts": "training_processor_seconds",
}
JOINING = "processing: processor time of the thread that joins"


def measure(folder: Path, full: bool) -> Group:
    """Run the jobs on each number of hosts, in turns, and compare what they made."""
    raw = folder / "raw"
    raw.mkdir()
    files = [write_recording(raw / f"recording-{number}.csv", FILE_ROWS) for number in range(FILES)]
    say(f"  {FILES} files, {FILES * FILE_ROWS:,} rows, {sum(file.stat().st_size for file in files) / 1e6:.0f} MB")
    service, address = start_service(folder)
    try:
        upload_raw_data(address, files)
        environment = airflow_environment(folder, address, settings={})
        usages: dict[int, list[Usage]] = {hosts: [] for hosts in HOSTS}
        for _ in range(ROUNDS):
            for hosts in HOSTS:
                command = module(
                    "benchmarks.programs.divided_jobs", str(hosts), str(service.pid), results_path(folder, hosts)
                )
                usages[hosts].append(run(command, environment))
                say(f"  {hosts} hosts: {told(usages[hosts][-1].reported)}")
    finally:
        service.terminate()
        service.wait()
    taken = {hosts: medians(found).reported for hosts, found in usages.items()}
    made = {hosts: dict(np.load(results_path(folder, hosts))) for hosts in HOSTS}
    rows = [row for hosts in HOSTS[1:] for row in comparisons(hosts, taken, made)]
    return Group(rows=(*rows, joining_row(raw)), growth=tuple(growth(taken)), size_label="hosts")


def results_path(folder: Path, hosts: int) -> Path:
    """Where a number of hosts leaves what it made."""
    return folder / f"hosts-{hosts}.npz"


def told(taken: Mapping[str, float]) -> str:
    """Progress in a line."""
    return ", ".join(f"{name} {taken[key]:.1f} s" for name, key in TAKEN.items())


def most_rows(hosts: int) -> str:
    """The row that tells how the data divides."""
    return f"{hosts} hosts: rows of the host that has the most"


def differing_features(hosts: int) -> str:
    """The row that holds features against those of one host."""
    return f"{hosts} hosts: rows of features that differ"


def differing_numbers(hosts: int) -> str:
    """The row that holds the model against that of one host."""
    return f"{hosts} hosts: numbers of the model that differ"


def comparisons(
    hosts: int, taken: Mapping[int, Mapping[str, float]], made: Mapping[int, Mapping[str, NDArray[Any]]]
) -> list[Row]:
    """The rows of one number of hosts beside one host."""
    ours, theirs = taken[hosts], taken[1]
    rows = [
        Row(
            name=most_rows(hosts),
            unit="rows",
            ours=ours["most_rows"],
            beside=ONE_HOST,
            theirs=theirs["most_rows"],
            max_ratio=1 / hosts,
        ),
        Row(
            name=differing_features(hosts),
            unit="rows",
            ours=feature_differences(made[hosts], made[1]),
            max_ours=0,
        ),
        Row(
            name=differing_numbers(hosts),
            unit="numbers",
            ours=model_differences(made[hosts], made[1]),
            max_ours=0,
        ),
    ]
    rows += [
        Row(name=f"{hosts} hosts: {name}", unit="s", ours=ours[key], beside=ONE_HOST, theirs=theirs[key])
        for name, key in TAKEN.items()
    ]
    return rows


def feature_differences(ours: Mapping[str, NDArray[Any]], theirs: Mapping[str, NDArray[Any]]) -> int:
    """How many rows differ from their counterparts of the same file; a file of which rows are missing differs whole."""
    count = 0
    for name in (ours.keys() | theirs.keys()) - set(MODEL):
        here, there = (side.get(name, np.empty((0, 0))) for side in (ours, theirs))
        if here.shape != there.shape:
            count += max(len(here), len(there))
        else:
            count += int(np.count_nonzero(~np.isclose(here, there, rtol=FEATURE_TOLERANCE, atol=NOISE).all(axis=1)))
    return count


def model_differences(ours: Mapping[str, NDArray[Any]], theirs: Mapping[str, NDArray[Any]]) -> int:
    """How many numbers of two models differ; a component may point either way."""
    signs = np.sign(np.sum(ours["components"] * theirs["components"], axis=0))
    aligned = {**ours, "components": ours["components"] * signs}
    differs = [~np.isclose(aligned[name], theirs[name], rtol=MODEL_TOLERANCE, atol=NOISE) for name in MODEL]
    return sum(map(np.count_nonzero, differs))


def growth(taken: Mapping[int, Mapping[str, float]]) -> list[Growth]:
    """What the jobs took, by the number of their hosts."""
    return [
        Growth(name=name, sizes=HOSTS, seconds=tuple(taken[hosts][key] for hosts in HOSTS))
        for name, key in TAKEN.items()
    ]


def joining_row(raw: Path) -> Row:
    """What of a host's work one thread does: more cores than its share leaves room for stand idle."""
    arguments = (*script_arguments(raw, "recordio"), "--message-dir", raw.parent)
    command = module("benchmarks.programs.joining_thread", *arguments)
    taken = take_turns({JOINING: command}, ROUNDS)[JOINING].reported
    return Row(
        name=JOINING,
        unit="s",
        ours=taken["joining_seconds"],
        beside="all threads",
        theirs=taken["processor_seconds"],
        data_rows=FILES * FILE_ROWS,
    )
