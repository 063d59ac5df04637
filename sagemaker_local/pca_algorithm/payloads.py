"""Request bodies into rows and projections into answers, one function per media type."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.content_type import ContentType
from sagemaker_local.pca_algorithm.csv_matrix import parse_csv
from sagemaker_local.pca_algorithm.recordio import decode_features, encode_projections

Rows = NDArray[Any]

_SMALL_SIZE = 1000


def _read_csv(body: bytes, content_type: ContentType, feature_dim: int) -> Rows:
    """Unlike a training channel, a request has no label column unless it says so."""
    return _checked(parse_csv(body, content_type.label_size(default=0)), feature_dim)


def _read_json(body: bytes, _: ContentType, feature_dim: int) -> Rows:
    return _rows_of(json.loads(body)["instances"], feature_dim)


def _read_json_lines(body: bytes, _: ContentType, feature_dim: int) -> Rows:
    return _rows_of([json.loads(line) for line in body.splitlines() if line.strip()], feature_dim)


def _read_recordio(body: bytes, _: ContentType, feature_dim: int) -> Rows:
    return decode_features(body, feature_dim)


def _rows_of(instances: list[dict[str, Any]], feature_dim: int) -> Rows:
    return _checked(np.array([_features_of(instance, feature_dim) for instance in instances], np.float64), feature_dim)


def _features_of(instance: dict[str, Any], feature_dim: int) -> Any:
    """Return the row of {"features": [..]}, {"data": {"features": {"values": [..]}}} or its sparse form."""
    if "features" in instance:
        return instance["features"]
    tensor = instance["data"]["features"]
    if "keys" not in tensor:
        return tensor["values"]
    keys = np.array(tensor["keys"], np.int64)
    if tensor["shape"] != [feature_dim] or len(keys) != len(tensor["values"]) or (keys < 0).any():
        raise ValueError("a sparse instance does not fit the model")
    row = np.zeros(feature_dim)
    try:
        row[keys] = tensor["values"]
    except IndexError as error:
        raise ValueError("a sparse instance has a key outside its shape") from error
    return row


def _checked(rows: Rows, feature_dim: int) -> Rows:
    if rows.ndim != 2 or rows.shape[1] != feature_dim:
        raise ValueError(f"rows of shape {rows.shape} do not fit {feature_dim} features")
    return rows


def _write_json(projections: Rows) -> bytes:
    return b'{"projections": [{"projection": [' + _joined(projections, b']}, {"projection": [') + b"]}]}"


def _write_json_lines(projections: Rows) -> bytes:
    return b'{"projection": [' + _joined(projections, b']}\n{"projection": [') + b"]}\n"


def _joined(projections: Rows, separator: bytes) -> bytes:
    """Return the numbers of float32 projections as text with a double's digits, rows parted by the separator."""
    if projections.size <= _SMALL_SIZE:
        return separator.join(",".join(map(repr, row)).encode() for row in projections.tolist())
    return _csv_lines(projections.astype(np.float64)).replace(b"\n", separator)


def _csv_lines(values: Rows) -> bytes:
    """Return the rows as lines of CSV, which Arrow formats seven times as fast as Python; most of a large answer."""
    import pyarrow as pa
    from pyarrow import csv

    # Not pa.array(), which imports pandas where it is installed and so costs a second.
    columns = [
        pa.Array.from_buffers(pa.float64(), len(values), [None, pa.py_buffer(np.ascontiguousarray(column))])
        for column in values.T
    ]
    sink = pa.BufferOutputStream()
    table = pa.Table.from_arrays(columns, names=[str(index) for index in range(len(columns))])
    csv.write_csv(table, sink, csv.WriteOptions(include_header=False))
    lines: bytes = sink.getvalue().to_pybytes()
    return lines.removesuffix(b"\n")


_RECORDIO = "application/x-recordio-protobuf"

REQUESTS: dict[str, Callable[[bytes, ContentType, int], Rows]] = {
    "text/csv": _read_csv,
    "application/json": _read_json,
    "application/jsonlines": _read_json_lines,
    _RECORDIO: _read_recordio,
}
ANSWERS: dict[str, Callable[[Rows], bytes]] = {
    "application/json": _write_json,
    "application/jsonlines": _write_json_lines,
    _RECORDIO: encode_projections,
}
