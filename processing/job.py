"""The whole job, from its arguments to its manifest."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
from pathlib import Path
from typing import Any, Callable, Mapping, NamedTuple, Sequence

import numpy as np

from processing.arguments import read_hosts
from processing.feature_parts import FeatureWriter
from processing.input_files import InputFile, open_input_files
from processing.messages import InputError, counted, log
from processing.moments import Document, FloatArray, Moments
from processing.output import remove_output, staging_folder, write_whole
from processing.sample import Sample
from processing.scaling import Scaling, find_scaling, needs_profile, read_profiles
from processing.scores import ScoreWriter, ScoringModel
from processing.training_rows import TrainingRows

SCHEMA_VERSION = 1


class Findings(NamedTuple):
    """What one pass over all rows found: its document, the scatter matrix of the rows, and a sample of them."""

    document: Document
    scatter: FloatArray | None
    sample: Sample


class Writers(NamedTuple):
    """What one pass writes, if anything: features, scores, or both."""

    features: FeatureWriter | None = None
    scores: ScoreWriter | None = None

    @classmethod
    def open(
        cls, folders: Mapping[Path, Path], host: str, arguments: argparse.Namespace, model: ScoringModel | None
    ) -> Writers:
        """New ones, which overwrite what earlier ones wrote.

        :param folders: where parts are staged, by the folder that they are for
        """
        features, scores = folders.get(arguments.features_dir), folders.get(arguments.scores_dir)
        return cls(
            features=FeatureWriter(features, host, arguments) if features else None,
            scores=ScoreWriter(scores, host, arguments, model) if scores and model else None,
        )

    def close(self) -> None:
        """Finish the last parts."""
        for writer in self:
            if writer:
                writer.close()


def run(arguments: argparse.Namespace) -> str:
    """Do the whole job and say in one sentence what it made."""
    host, hosts = read_hosts(arguments.resource_config)
    remove_output(arguments, host)
    files = open_input_files(arguments, hosts)
    model = ScoringModel.read(arguments.model, len(arguments.feature_columns)) if arguments.model else None
    with contextlib.ExitStack() as stack:
        folders = {
            folder: stack.enter_context(staging_folder(folder, host))
            for folder in (arguments.features_dir, arguments.scores_dir)
            if folder and not arguments.profile_only
        }
        document, scatter, sample = write_outputs(
            files,
            arguments,
            hosts,
            fill=model.fill if model else None,
            open_writers=lambda: Writers.open(folders, host, arguments, model),
        )
        if not document["row_count"] and len(hosts) == 1:
            raise InputError(f"No rows are left: {summary(document)}. Check the files, on_bad_rows and missing_values.")
        for target, kind in ((arguments.features_dir, "parts"), (arguments.scores_dir, "scores")):
            for part in document[kind]:
                os.replace(folders[target] / part["name"], target / part["name"])
    if scatter is not None:
        write_whole(arguments.stats_dir / f"scatter-{host}.npy", lambda path: np.save(path, scatter))
    if (arguments.sample_rows or arguments.leading_rows) and not arguments.profile_only:
        arrays = sample.arrays()
        scores = {"scores": model.score(arrays["rows"].T).T} if model else {}
        write_whole(arguments.stats_dir / f"sample-{host}.npz", lambda path: save_arrays(path, {**arrays, **scores}))
    header = files[0].columns if files else None
    manifest = json.dumps({"host": host, "hosts": hosts, "header": header, **document})
    write_whole(arguments.stats_dir / f"moments-{host}.json", lambda path: path.write_text(manifest))
    return summary(document)


def write_outputs(
    files: Sequence[InputFile],
    arguments: argparse.Namespace,
    hosts: Sequence[str],
    *,
    fill: FloatArray | None,
    open_writers: Callable[[], Writers],
) -> Findings:
    """As many passes over all rows as it takes, of which the last one writes.

    Where gaps take means that only a pass tells, one host writes in that pass already, and again if it met a gap.
    """
    if arguments.profile_only:
        return read_rows(files, arguments)

    if not needs_profile(arguments, hosts):
        return read_rows(files, arguments, fill=fill, writers=open_writers())
    if arguments.moments_dir:
        profiles = read_profiles(arguments)
    elif arguments.scaling == "none":
        found = read_rows(files, arguments, writers=open_writers())
        if not any(found.document["null_count"]):
            return found
        log(f"gaps found: {counted(sum(found.document['null_count']), 'gap')}, filled with means in another pass")
        profiles = [found.document]
    else:
        profiles = [read_rows(files, arguments).document]
    scaling = find_scaling(profiles)
    return read_rows(files, arguments, scaling, fill=scaling.mean, writers=open_writers())


def read_rows(
    files: Sequence[InputFile],
    arguments: argparse.Namespace,
    scaling: Scaling | None = None,
    *,
    fill: FloatArray | None = None,
    writers: Writers | None = None,
) -> Findings:
    """One pass over all rows: their statistics, without writers those of a profile; with them what they write.

    :param fill: (d,) means that gaps take; None leaves them gaps, of which nothing is written
    """
    purpose = "profile" if not writers else "features" if writers.features else "scores"
    rows = TrainingRows(files, arguments, fill, purpose)
    width = len(arguments.feature_columns)
    moments = Moments(width, with_scatter=writers is not None)
    sample = Sample(width, arguments.sample_rows if writers else 0, arguments.leading_rows if writers else 0)
    standardize = scaling if arguments.scaling == "standardize" else None
    leaves_gaps = arguments.missing_values == "mean" and fill is None
    with contextlib.closing(writers or Writers()) as opened:
        for batch in rows:
            moments.add(batch.values)
            if leaves_gaps and rows.null_count.any():
                moments.scatter = None  # only the means of this pass are of use
                continue
            if not writers:
                continue
            sample.add(batch)
            if opened.features:
                opened.features.write(standardize.apply(batch.values) if standardize else batch.values)
            if opened.scores:
                opened.scores.write(batch, files[batch.file].name)
    document = describe(rows, moments, arguments)
    features, scores = writers or Writers()
    document.update(
        parts=features.parts if features else [],
        scores=scores.parts if scores else [],
        exceedances=scores.exceedances.document(file["name"] for file in rows.files) if scores else None,
        profile_only=writers is None,
        sample_rows=len(sample),
    )
    if standardize:
        document.update(center=standardize.mean.tolist(), scale=standardize.scale.tolist())
    return Findings(document, moments.scatter, sample)


def save_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an .npz under exactly this name."""
    with path.open("wb") as file:
        np.savez(file, **arrays)


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
    columns, parts = len(document["feature_columns"]), len(document["parts"]) + len(document["scores"])
    return f"{rows}, {gaps}, {counted(columns, 'column')}, {counted(parts, 'part')}"
