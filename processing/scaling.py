"""The mean and divisor of every column over the rows of all hosts."""

from __future__ import annotations

import argparse
import json
from typing import NamedTuple, Sequence

import numpy as np

from processing.columns import refuse_other_header
from processing.messages import InputError, shorten
from processing.moments import Document, FloatArray, Moments


class Scaling(NamedTuple):
    """Mean and divisor of every column over the rows of all hosts, each of shape (d,)."""

    mean: FloatArray
    scale: FloatArray

    def apply(self, rows: FloatArray) -> FloatArray:
        """Rows of shape (d, n) with mean 0 and deviation 1."""
        return (rows - self.mean[:, np.newaxis]) / self.scale[:, np.newaxis]


def needs_profile(arguments: argparse.Namespace, hosts: Sequence[str]) -> bool:
    """Whether the arguments ask for means or deviations of all rows of all hosts, which only another pass tells."""
    gaps_take_means = arguments.missing_values == "mean" and not arguments.model
    if arguments.scaling == "none" and not gaps_take_means:
        return False
    if len(hosts) > 1 and not arguments.moments_dir:
        raise InputError(
            f"scaling={arguments.scaling} and missing_values={arguments.missing_values} on {len(hosts)} hosts need "
            "the moments of all hosts. Run a --profile-only job first and give its output as --moments-dir."
        )
    return True


def find_scaling(profiles: Sequence[Document]) -> Scaling:
    """The scaling that the profiles of all hosts give together: deviations have divisor n."""
    columns = profiles[0]["feature_columns"]
    merged = Moments(len(columns))
    for document in profiles:
        merged.merge(Moments.from_document(document))
    if not merged.count.all():
        column = columns[int(np.argmin(merged.count))]
        raise InputError(f"column {column!r} has no value in any row, hence no mean. Leave the column out.")
    deviation = np.sqrt(merged.squared_deviations / sum(document["row_count"] for document in profiles))
    # A constant column has nothing to scale.
    return Scaling(merged.mean, np.where((merged.minimum < merged.maximum) & (deviation > 0), deviation, 1.0))


def read_profiles(arguments: argparse.Namespace) -> list[Document]:
    """The moments that every host of a --profile-only job wrote."""
    folder = arguments.moments_dir
    documents = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.rglob("moments-*.json"))]
    found = {document["host"] for document in documents}
    if not found or found != {host for document in documents for host in document["hosts"]}:
        raise InputError(f"{folder} holds moments of {shorten(sorted(found))}, not of every host of one profile job.")
    for document in documents:
        for key in ("feature_columns", "missing_values"):
            if document[key] != getattr(arguments, key):
                raise InputError(f"{folder}: {key} differs from this job's. Run both jobs with the same arguments.")
    heads = [(document["files"][0]["name"], document["header"]) for document in documents if document["files"]]
    for head in heads[1:]:
        refuse_other_header(*heads[0], *head)
    return documents
