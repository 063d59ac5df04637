"""The whole job, from its arguments to its manifest."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from typing import NamedTuple, Sequence

import numpy as np

from processing.arguments import read_hosts
from processing.feature_parts import FeatureWriter
from processing.input_files import InputFile, open_input_files
from processing.messages import InputError, counted
from processing.moments import Document, FloatArray, Moments
from processing.output import remove_output, staging_folder, write_whole
from processing.scaling import Scaling, find_scaling, needs_profile, read_profiles
from processing.training_rows import TrainingRows

SCHEMA_VERSION = 1


class Sample:
    """The first rows, in the units of the files and with gaps filled: what a client may send."""

    def __init__(self, width: int, size: int) -> None:
        self.rows: FloatArray = np.empty((0, width))
        self._size = size

    def add(self, rows: FloatArray) -> None:
        """Take from a batch of shape (d, n) what is still wanted."""
        if len(self.rows) < self._size:
            self.rows = np.concatenate([self.rows, rows[:, : self._size - len(self.rows)].T])


class Findings(NamedTuple):
    """What one pass over all rows found: its document, the scatter matrix of the rows, and the first of them."""

    document: Document
    scatter: FloatArray | None
    sample: FloatArray


def run(arguments: argparse.Namespace) -> str:
    """Do the whole job and say in one sentence what it made."""
    host, hosts = read_hosts(arguments.resource_config)
    remove_output(arguments, host)
    files = open_input_files(arguments, hosts)
    with staging_folder(arguments.features_dir or arguments.stats_dir, host) as folder:
        writer = None if arguments.profile_only else FeatureWriter(folder, host, arguments)
        scaling = None
        if writer and needs_profile(arguments, hosts):
            own = not arguments.moments_dir
            scaling = find_scaling([read_rows(files, arguments).document] if own else read_profiles(arguments))
        document, scatter, sample = read_rows(files, arguments, scaling, writer)
        if not document["row_count"] and len(hosts) == 1:
            raise InputError(f"No rows are left: {summary(document)}. Check the files, on_bad_rows and missing_values.")
        for part in document["parts"]:
            os.replace(folder / part["name"], arguments.features_dir / part["name"])
    if scatter is not None:
        write_whole(arguments.stats_dir / f"scatter-{host}.npy", lambda path: np.save(path, scatter))
    if writer and arguments.sample_rows:
        write_whole(arguments.stats_dir / f"sample-{host}.npy", lambda path: np.save(path, sample))
    header = files[0].columns if files else None
    manifest = json.dumps({"host": host, "hosts": hosts, "header": header, **document})
    write_whole(arguments.stats_dir / f"moments-{host}.json", lambda path: path.write_text(manifest))
    return summary(document)


def read_rows(
    files: Sequence[InputFile],
    arguments: argparse.Namespace,
    scaling: Scaling | None = None,
    writer: FeatureWriter | None = None,
) -> Findings:
    """One pass over all rows: their statistics, without a writer those of a profile; with it their features."""
    rows = TrainingRows(files, arguments, scaling.mean if scaling else None, "features" if writer else "profile")
    width = len(arguments.feature_columns)
    moments, sample = Moments(width, with_scatter=writer is not None), Sample(width, arguments.sample_rows)
    standardize = scaling if arguments.scaling == "standardize" else None
    with contextlib.closing(writer) if writer else contextlib.nullcontext():
        for batch in rows:
            moments.add(batch)
            if writer:
                sample.add(batch)
                writer.write(standardize.apply(batch) if standardize else batch)
    document = describe(rows, moments, arguments)
    document.update(parts=writer.parts if writer else [], profile_only=writer is None, sample_rows=len(sample.rows))
    if standardize:
        document.update(center=standardize.mean.tolist(), scale=standardize.scale.tolist())
    return Findings(document, moments.scatter, sample.rows)


def describe(rows: TrainingRows, moments: Moments, arguments: argparse.Namespace) -> Document:
    """The statistics of one pass, ready for JSON; the range of no rows is null."""
    return {
        "schema_version": SCHEMA_VERSION,
        "feature_columns": arguments.feature_columns,
        "row_count": rows.row_count,
        "mean": moments.mean.tolist(),
        "minimum": [None if np.isnan(value) else float(value) for value in moments.minimum],
        "maximum": [None if np.isnan(value) else float(value) for value in moments.maximum],
        "null_count": rows.null_count.tolist(),
        "squared_deviations": moments.squared_deviations.tolist(),
        "files": rows.files,
        "dropped_rows": rows.dropped_rows,
        "skipped_rows": rows.skipped_rows,
        "bad_rows": [row._asdict() for row in rows.bad_rows],
        "missing_values": arguments.missing_values,
        "scaling": arguments.scaling,
    }


def summary(document: Document) -> str:
    """The outcome in one line."""
    rows = f"{counted(document['row_count'], 'row')}, {counted(document['skipped_rows'], 'bad row')} skipped"
    gaps = f"{counted(document['dropped_rows'], 'row')} with gaps dropped"
    columns, parts = len(document["feature_columns"]), len(document["parts"])
    return f"{rows}, {gaps}, {counted(columns, 'column')}, {counted(parts, 'part')}"
