"""The tables of docs/scale.md: what `make bench` measured of several hosts and many pipelines, and what follows.

What is assumed of AWS stands here, once, and in the table of assumptions; everything else is from the results.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from math import ceil
from typing import NamedTuple

import numpy as np

from benchmarks import many_pipelines, scale
from benchmarks.measurement import Group, Results, Row
from benchmarks.table import amount
from quickstart.aws_cost import QUOTED_IN, QUOTED_PRICES
from sagemaker_local.pca_algorithm.recordio import encode_features
from sagemaker_pca.run.service_requests import PART_ROWS
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.triggers.polling import CEILING, JITTER, shortest_delays

TERABYTE = 1e12
HOSTS = (1, 4, 16, 64)
PIPELINES = 1_000
# Of the recordings that are measured (benchmarks/recording.py): bytes of a raw row, its feature columns.
RAW_ROW_BYTES, FEATURE_COLUMNS = 109, 4
LARGEST_MEASURED = "to RecordIO"


class Instance(NamedTuple):
    """What is assumed of one host: rates in bytes a second, dollars an hour."""

    name: str
    cores: int
    network: float
    disk: float
    price: float


REGION = "us-east-1"
HOST = Instance("ml.m5.xlarge", 4, 0.15e9, 0.25e9, QUOTED_PRICES[REGION]["ml.m5.xlarge"])
START_SECONDS = 240
MOST_TRAINING_HOSTS = 4


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [headings, ["---"] * len(headings), *rows]) + "\n"


def row_of(group: Group, name: str) -> Row:
    """The row of a name.

    Raises:
        ValueError: when the group was measured without it.
    """
    for row in group.rows:
        if row.name == name:
            return row
    raise ValueError(f"{group.title} has no row {name!r}. Measure it again: python -m benchmarks.")


def hosts_table(results: Results) -> str:
    """What each number of hosts took, and what differs from what one host made."""
    group = results.groups["scale"]
    taken = {growth.name: dict(zip(growth.sizes, growth.seconds, strict=True)) for growth in group.growth}
    first = row_of(group, scale.most_rows(scale.HOSTS[1]))
    rows = []
    for hosts in scale.HOSTS:
        differences = ["", ""]
        if hosts > 1:
            names = scale.differing_features(hosts), scale.differing_numbers(hosts)
            differences = [f"{row_of(group, name).ours:.0f}" for name in names]
        most = first.theirs if hosts == 1 else row_of(group, scale.most_rows(hosts)).ours
        seconds = [amount(taken[name][hosts], "s") for name in scale.TAKEN]
        rows.append([f"{hosts}", f"{most:,.0f}", *seconds, *differences])
    headings = [
        "hosts",
        "rows of the host that has the most",
        *scale.TAKEN,
        "rows of features that differ",
        "numbers of the model that differ",
    ]
    return table(headings, rows)


def cores_at_most(results: Results) -> float:
    """How many cores one host can use: the others stand idle while one thread joins what they parsed."""
    row = row_of(results.groups["scale"], scale.JOINING)
    return 1 / row.ratio if row.ratio else float("inf")


def core_rate(results: Results) -> float:
    """Bytes of raw CSV a second and core, of the largest file that was measured."""
    group = results.groups["processing"]
    growth = next(growth for growth in group.growth if growth.name == LARGEST_MEASURED)
    cores = group.machine.cores if group.machine else 1
    return growth.sizes[-1] * RAW_ROW_BYTES / growth.seconds[-1] / cores


class Shares(NamedTuple):
    """Seconds that each of several hosts takes for its share of a terabyte, the start of its instances included.

    :param processing: the job that makes features
    :param means: what means of the whole data take before it: a profile job, or another pass of a single host
    :param training: until the training job has its features; its arithmetic is not known
    """

    processing: float
    means: float
    training: float

    @classmethod
    def of(cls, hosts: int, results: Results) -> Shares:
        """The share of each of so many hosts, of files of equal size."""
        raw = TERABYTE / hosts
        features = features_bytes() / hosts
        trained = features_bytes() / training_hosts(hosts)
        arithmetic = raw / (core_rate(results) * min(HOST.cores, cores_at_most(results)))
        one_pass, begins = max(arithmetic, raw / HOST.disk), START_SECONDS + raw / HOST.network
        return cls(
            processing=begins + max(arithmetic, (raw + features) / HOST.disk) + features / HOST.network,
            means=one_pass + (begins if hosts > 1 else 0),
            training=START_SECONDS + trained / HOST.network + trained / HOST.disk,
        )


def training_hosts(processing_hosts: int) -> int:
    """How many are taken for training: each more divides features into more and smaller files."""
    return min(processing_hosts, MOST_TRAINING_HOSTS)


def features_bytes() -> float:
    """Bytes of the features of a terabyte."""
    return TERABYTE / RAW_ROW_BYTES * feature_row_bytes()


def feature_row_bytes() -> int:
    """Bytes of one row of features in RecordIO."""
    return len(encode_features(np.zeros((1, FEATURE_COLUMNS), np.float32)))


def terabyte_table(results: Results) -> str:
    """Time and cost of a terabyte by the number of hosts."""
    rows = []
    for hosts in HOSTS:
        shares = Shares.of(hosts, results)
        host_seconds = hosts * (shares.processing + shares.means) + training_hosts(hosts) * shares.training
        rows.append(
            (
                f"{hosts}",
                f"{TERABYTE / hosts / 1e9:,.0f} GB",
                f"{ceil((TERABYTE + features_bytes()) / hosts / 1e9):,}",
                minutes(shares.processing),
                minutes(shares.processing + shares.means),
                f"{training_hosts(hosts)}",
                minutes(shares.training),
                f"${host_seconds / 3600 * HOST.price:,.2f}",
            )
        )
    headings = (
        "hosts",
        "raw data a host",
        "`processing_volume_gb`, at least",
        "processing",
        "with means of the whole data",
        "training hosts",
        "training, without its arithmetic",
        "cost of all, means included",
    )
    return table(headings, rows)


def minutes(seconds: float) -> str:
    """A duration as people say it."""
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def assumptions_table(results: Results) -> str:
    """What the table of the terabyte rests on."""
    measured, assumed = "measured", "**assumed**"
    rate, cores, row_bytes = core_rate(results), cores_at_most(results), feature_row_bytes()
    part_rows = ceil(PART_ROWS / MOST_TRAINING_HOSTS)
    files = TERABYTE / RAW_ROW_BYTES / part_rows
    rows = [
        ("CSV to RecordIO features, a core", f"{rate / 1e9:.2f} GB/s", f"{measured}: [Benchmarks](benchmarks.md)"),
        (
            "cores that one host can use",
            f"{cores:.0f}",
            f"{measured}: one thread joins what the others parse, and does {1 / cores:.0%} of the work",
        ),
        (
            "a raw row; its features",
            f"{RAW_ROW_BYTES} bytes; {row_bytes} bytes",
            f"{measured}: {FEATURE_COLUMNS} columns of numbers in 17 digits, and a time",
        ),
        (
            f"feature files, for {MOST_TRAINING_HOSTS} training hosts",
            f"{files:,.0f}",
            f"{part_rows:,} rows each; so many were never tried: how fast SageMaker copies them is not known",
        ),
        ("a host", f"{HOST.name}, {HOST.cores} cores", f"{assumed}: each as fast as those of the benchmarks"),
        (
            "S3 to host and back",
            f"{HOST.network / 1e9:g} GB/s",
            f'{assumed}: it has "up to 10 Gbit/s" for minutes; this is what is left then',
        ),
        ("its disk", f"{HOST.disk / 1e9:g} GB/s", f"{assumed}: the most of a gp2 volume, which SageMaker attaches"),
        ("start of a job", minutes(START_SECONDS), f"{assumed}, and counted as paid for"),
        (
            "price",
            f"${HOST.price:g} an hour and host",
            f"{REGION}, as quoted publicly in {QUOTED_IN}; disks and requests come on top",
        ),
    ]
    return table(["what", "figure", "where from"], rows)


def pipelines_table(results: Results) -> str:
    """What was measured of many pipelines, and a thousand of them."""
    group = results.groups["many_pipelines"]
    figures = {row.name: row.ours for row in group.rows}
    some, waits = many_pipelines.PIPELINES, many_pipelines.waits("processing")
    size, tasks = figures[many_pipelines.SERIALIZED], figures[many_pipelines.TASKS]
    seconds, longest_block = figures[many_pipelines.PROCESSOR], figures[f"{waits}: longest block of the event loop"]
    rows = [
        (
            "parsing and serializing, all in one file",
            f"{amount(figures[many_pipelines.parsing(some)], 's')} for {some}",
            f"{amount(figures[many_pipelines.parsing(PIPELINES)], 's')}, measured too; `dagbag_import_timeout` is 30 s",
        ),
        ("a DAG in the database", f"{size / 1000:.0f} kB", f"{PIPELINES * size / 1e6:.0f} MB"),
        (
            "waits in one triggerer",
            f"{figures[f'{waits}: memory']:.0f} MB on top for {some}, event loop blocked {1000 * longest_block:.0f} ms "
            "at most",
            "as much for 500 ([Benchmarks](benchmarks.md)); `[triggerer] capacity` is 1,000",
        ),
        ("tasks", f"{tasks:.0f} a run", f"{PIPELINES * tasks:,.0f}"),
        (
            "processor time of the tasks",
            f"{amount(seconds, 's')} a run, in one process",
            f"{PIPELINES * seconds / 3600:.1f} core hours; a process for each task and the scheduler come on top",
        ),
    ]
    return table(["what", "measured", f"{PIPELINES:,} pipelines, one run each"], rows)


def calls_table(results: Results) -> str:
    """Calls of a run by service, with those that grow with the time of a job apart."""
    group = results.groups["many_pipelines"]
    prefix = many_pipelines.CALLS_OF
    rows = [
        [row.name.removeprefix(prefix), f"{row.ours:.0f}", f"{PIPELINES * row.ours:,.0f}"]
        for row in group.rows
        if row.name.startswith(prefix)
    ]
    grow = row_of(group, many_pipelines.LOOKS).ours
    rows.append(["of these: looks at jobs and endpoint, reads of logs", f"{grow:.0f}", f"{PIPELINES * grow:,.0f}"])
    return table(["service", "calls a run", f"{PIPELINES:,} runs"], rows)


def looks_table() -> str:
    """How often a thousand waits look at their jobs, by the setting that says so."""
    default = PcaRunConfig.model_fields["poll_seconds"].default
    rows = []
    for poll_seconds in (default, 4 * default):
        rows.append(
            [
                f"{poll_seconds:g}",
                f"{looks(300, poll_seconds)}",
                f"{PIPELINES / poll_seconds:.0f}",
                f"{PIPELINES / (poll_seconds * CEILING):.0f}",
            ]
        )
    headings = ["`poll_seconds`", "looks at a job of 5 minutes", "looks a second at first", "and after a while"]
    return table(headings, rows)


def looks(job_seconds: float, poll_seconds: float) -> int:
    """How often a wait looks at a job of so many seconds, the look that finds it ended included."""
    looked_at = accumulate(delay * (1 + JITTER / 2) for delay in shortest_delays(poll_seconds))
    return 1 + sum(1 for _ in takewhile(lambda seconds: seconds < job_seconds, looked_at))


# What stands between two comments of the page, by the name in them.
PARTS: dict[str, Callable[[Results], str]] = {
    "hosts": hosts_table,
    "terabyte": terabyte_table,
    "assumptions": assumptions_table,
    "pipelines": pipelines_table,
    "calls": calls_table,
    "looks": lambda _results: looks_table(),
}
