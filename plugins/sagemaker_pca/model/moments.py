"""What a run knows about its training rows without holding them: the statistics that the processing hosts wrote.

Pure: documents and arrays in, one `Moments` out. NumPy only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.plurals import counted

FloatArray = NDArray[np.float64]

SCHEMA_VERSION = 1
# What every host of a job has to say alike.
SHARED_KEYS = ("schema_version", "hosts", "feature_columns", "missing_values", "scaling", "center", "scale")


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Statistics of the rows as training sees them before scaling: missing values filled in, raw units.

    Arrays have shape (d,), one number per feature column; the scatter matrix, the sum of (x - mean)(x - mean)ᵀ, has
    (d, d) and is None for wide data. `center` and `scale` are what standardizing used: z = (x - center) / scale.
    """

    feature_columns: tuple[str, ...]
    row_count: int
    mean: FloatArray
    squared_deviations: FloatArray
    minimum: FloatArray
    maximum: FloatArray
    null_count: NDArray[np.int64]
    scatter: FloatArray | None = None
    dropped_rows: int = 0
    skipped_rows: int = 0
    bad_rows: tuple[Mapping[str, Any], ...] = ()
    missing_values: str = "zero"
    scaling: str = "none"
    center: FloatArray | None = None
    scale: FloatArray | None = None

    @classmethod
    def from_documents(
        cls, documents: Iterable[Mapping[str, Any]], scatters: Mapping[str, FloatArray] | None = None
    ) -> Moments:
        """Merge what the hosts of one processing job wrote.

        :param documents: the parsed `moments-<host>.json` files, in any order.
        :param scatters: the `scatter-<host>.npy` arrays by host; none at all for wide data.
        :raises InputError: when hosts are missing, disagree, read the same file, or found no row at all.
        """
        ordered = sorted(documents, key=lambda document: str(document["host"]))
        _refuse_incomplete(ordered)
        _refuse_disagreement(ordered)
        _refuse_shared_files(ordered)
        _refuse_other_headers(ordered)
        merged = reduce(cls.merge, (cls._of_host(document, scatters or {}) for document in ordered))
        if merged.row_count == 0:
            raise InputError(
                f"{counted(len(ordered), 'processing host')} found no row to train on (skipped: "
                f"{merged.skipped_rows:,}, dropped: {merged.dropped_rows:,}). Check raw_data_uri, on_bad_rows and "
                "missing_values."
            )
        return merged

    @classmethod
    def _of_host(cls, document: Mapping[str, Any], scatters: Mapping[str, FloatArray]) -> Moments:
        host, row_count = str(document["host"]), int(document["row_count"])
        scatter = scatters.get(host)
        width = len(document["feature_columns"])
        if scatter is None and scatters and row_count:
            raise InputError(f"scatter-{host}.npy is missing while other hosts wrote theirs. Run the job again.")
        if scatter is not None and scatter.shape != (width, width):
            raise InputError(f"scatter-{host}.npy has shape {scatter.shape}; {width} columns need ({width}, {width}).")
        if scatter is None and scatters:
            scatter = np.zeros((width, width))
        return cls(
            feature_columns=tuple(document["feature_columns"]),
            row_count=row_count,
            mean=_numbers(document, "mean"),
            squared_deviations=_numbers(document, "squared_deviations"),
            minimum=_numbers(document, "minimum"),
            maximum=_numbers(document, "maximum"),
            null_count=_numbers(document, "null_count").astype(np.int64),
            scatter=scatter,
            dropped_rows=int(document.get("dropped_rows", 0)),
            skipped_rows=int(document["skipped_rows"]),
            bad_rows=tuple(document["bad_rows"]),
            missing_values=str(document["missing_values"]),
            scaling=str(document["scaling"]),
            center=_numbers(document, "center") if document.get("center") is not None else None,
            scale=_numbers(document, "scale") if document.get("scale") is not None else None,
        )

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets of rows together.

        Chan, Golub, LeVeque 1979, "Updating formulae and a pairwise algorithm for computing sample variances".
        """
        rows = self.row_count + other.row_count
        delta = other.mean - self.mean
        # An empty side weighs nothing; two empty sides stay empty.
        share = other.row_count / rows if rows else 0.0
        weight = self.row_count * share
        return Moments(
            feature_columns=self.feature_columns,
            row_count=rows,
            mean=self.mean + delta * share,
            squared_deviations=self.squared_deviations + other.squared_deviations + delta**2 * weight,
            minimum=np.fmin(self.minimum, other.minimum),
            maximum=np.fmax(self.maximum, other.maximum),
            null_count=self.null_count + other.null_count,
            scatter=_merged_scatter(self.scatter, other.scatter, delta, weight),
            dropped_rows=self.dropped_rows + other.dropped_rows,
            skipped_rows=self.skipped_rows + other.skipped_rows,
            bad_rows=self.bad_rows + other.bad_rows,
            missing_values=self.missing_values,
            scaling=self.scaling,
            center=self.center,
            scale=self.scale,
        )

    @property
    def total_squared_deviations(self) -> float:
        """Sum over all columns of the squared deviations: what the squared singular values of all components add to."""
        return float(self.squared_deviations.sum())

    @property
    def total_variance(self) -> float:
        """Sum of the columns' sample variances, NaN for fewer than two rows."""
        return self.total_squared_deviations / (self.row_count - 1) if self.row_count > 1 else float("nan")

    @property
    def standard_deviations(self) -> FloatArray:
        """(d,) deviations of the columns with divisor n, as standardizing uses them."""
        return np.sqrt(self.squared_deviations / self.row_count)

    @property
    def null_fraction(self) -> FloatArray:
        """(d,) share of cells that were missing, among all rows read, dropped ones included."""
        return self.null_count / (self.row_count + self.dropped_rows)


def _numbers(document: Mapping[str, Any], key: str) -> FloatArray:
    """One number per column; null, the minimum of no rows, becomes NaN."""
    numbers, columns = document[key], document["feature_columns"]
    if len(numbers) != len(columns):
        raise InputError(
            f"moments-{document['host']}.json has {counted(len(numbers), 'number')} under {key} for "
            f"{counted(len(columns), 'column')}."
        )
    return np.array(numbers, dtype=np.float64)


def _merged_scatter(
    left: FloatArray | None, right: FloatArray | None, delta: FloatArray, weight: float
) -> FloatArray | None:
    if left is None or right is None:
        return None
    return left + right + np.outer(delta, delta) * weight


def _refuse_incomplete(documents: Sequence[Mapping[str, Any]]) -> None:
    found = [str(document["host"]) for document in documents]
    expected = sorted({host for document in documents for host in document["hosts"]})
    if not found:
        raise InputError("No moments-<host>.json was found: the processing job did not finish writing.")
    if missing := sorted(set(expected) - set(found)):
        raise InputError(
            f"Moments of {', '.join(missing)} are missing; found {', '.join(found)}. Run the processing job again."
        )
    if len(set(found)) < len(found) or set(found) - set(expected):
        raise InputError(
            f"Moments are of {', '.join(found)}, but the job ran on {', '.join(expected)}. Clear the statistics folder."
        )
    if partial := [str(document["host"]) for document in documents if document.get("profile_only")]:
        raise InputError(f"Moments of {', '.join(partial)} come from a profile job and describe no features.")


def _refuse_disagreement(documents: Sequence[Mapping[str, Any]]) -> None:
    first = documents[0]
    if first.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"moments-{first['host']}.json has schema_version {first.get('schema_version')}; "
            f"{SCHEMA_VERSION} is understood. Run processing and evaluation from one release."
        )
    for document in documents[1:]:
        for key in SHARED_KEYS:
            if document.get(key) != first.get(key):
                raise InputError(
                    f"Hosts {first['host']} and {document['host']} disagree on {key}: {first.get(key)} and "
                    f"{document.get(key)}. Clear the statistics folder and run the processing job again."
                )


def _refuse_shared_files(documents: Sequence[Mapping[str, Any]]) -> None:
    reader: dict[str, str] = {}
    for document in documents:
        for file in document["files"]:
            other = reader.setdefault(file["name"], document["host"])
            if other != document["host"]:
                raise InputError(
                    f"Hosts {other} and {document['host']} both read {file['name']}, so its rows count twice. "
                    "Give the processing input the distribution ShardedByS3Key."
                )


def _refuse_other_headers(documents: Sequence[Mapping[str, Any]]) -> None:
    """A host sees that its own files are of one kind; across hosts nobody could before."""
    readers = [document for document in documents if document["files"]]
    names = [document["files"][0]["name"] for document in readers]
    for document, name in zip(readers[1:], names[1:], strict=True):
        columns = zip_longest(readers[0]["header"], document["header"])
        for number, (here, there) in enumerate(columns, start=1):
            if here != there:
                raise InputError(
                    f"{name} has another header than {names[0]}: column {number} is {there!r} there and {here!r} here. "
                    "Process files of different kinds apart."
                )
