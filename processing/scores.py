"""Rows under a model: projections, Hotelling's T² and Q, and which limits they exceed."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from processing.exceedances import Exceedances
from processing.messages import InputError
from processing.moments import Document, FloatArray
from processing.rows import Rows

FIXED_COLUMNS = ("file", "row", "T2", "Q", "T2_beyond", "Q_beyond")


class ScoringModel(NamedTuple):
    """A model as the pipeline stages it: (d,) and (d, k) arrays in the units of training, PC1 last.

    :param fill: (d,) means of the training data in raw units, which gaps take
    :param precisions: (k,) 1 / variance of each component, 0 of those that do not count
    """

    mean: FloatArray
    scale: FloatArray
    components: FloatArray
    precisions: FloatArray
    t_squared_limits: FloatArray
    q_limits: FloatArray
    fill: FloatArray

    @classmethod
    def read(cls, path: Path, width: int) -> ScoringModel:
        """Read the .npz, and hold it against the number of feature columns."""
        with np.load(path) as arrays:
            model = cls(**{name: arrays[name] for name in cls._fields})
        if len(model.mean) != width:
            raise InputError(f"{path.name} is a model of {len(model.mean)} columns; feature_columns names {width}.")
        return model

    def score(self, values: FloatArray) -> FloatArray:
        """(k + 2, n) projections with PC1 last, T² and Q of raw values (d, n)."""
        centred = (values - self.mean[:, np.newaxis]) / self.scale[:, np.newaxis]
        projections = self.components.T @ centred
        centred -= self.components @ projections
        t_squared = self.precisions @ projections**2
        return np.vstack([projections, t_squared, np.einsum("ij,ij->j", centred, centred)])


def levels_exceeded(statistic: FloatArray, limits: FloatArray) -> Any:
    """The highest level whose limit each number exceeds, in percent: 0, 95 or 99. A limit of NaN nothing exceeds."""
    return np.where(statistic > limits[1], 99, np.where(statistic > limits[0], 95, 0)).astype(np.int8)


class ScoreWriter:
    """Writes scored rows in parts of --part-rows rows, and counts those beyond limits."""

    def __init__(self, folder: Path, host: str, arguments: argparse.Namespace, model: ScoringModel) -> None:
        self.parts: list[Document] = []
        self.exceedances = Exceedances(arguments.window_rows)
        self._folder, self._host, self._arguments, self._model = folder, host, arguments, model
        self._writer: Any = None
        names = [f"PC{rank}" for rank in range(1, model.components.shape[1] + 1)]
        self._schema = scores_schema(arguments.id_columns, names)

    def write(self, rows: Rows, file_name: str) -> None:
        """Append rows of one file, opening parts as they fill up."""
        start, count = 0, len(rows.numbers)
        scores = self._model.score(rows.values)
        beyond = [
            levels_exceeded(scores[-2], self._model.t_squared_limits),
            levels_exceeded(scores[-1], self._model.q_limits),
        ]
        self.exceedances.add(file_name, rows.numbers, *beyond)
        batch = pa.record_batch(
            [
                pa.repeat(file_name, count),
                pa.array(rows.numbers),
                *rows.ids,
                *map(pa.array, scores[-3::-1]),
                *map(pa.array, scores[-2:]),
                *map(pa.array, beyond),
            ],
            schema=self._schema,
        )
        while start < count:
            if self._writer is None or self.parts[-1]["rows"] == self._arguments.part_rows:
                self._open_part()
            piece = batch.slice(start, self._arguments.part_rows - self.parts[-1]["rows"])
            self._writer.write_batch(piece)
            self.parts[-1]["rows"] += piece.num_rows
            start += piece.num_rows

    def close(self) -> None:
        """Finish the last part."""
        if self._writer is not None:
            self._writer.close()
            self.parts[-1]["bytes"] = (self._folder / self.parts[-1]["name"]).stat().st_size
            self._writer = None

    def _open_part(self) -> None:
        self.close()
        is_csv = self._arguments.scores_format == "csv"
        name = f"scores-{self._host}-{len(self.parts):05d}.{self._arguments.scores_format}"
        self.parts.append({"name": name, "rows": 0})
        if is_csv:
            self._writer = pacsv.CSVWriter(str(self._folder / name), self._schema)
        else:
            import pyarrow.parquet as pq  # which most jobs do without

            self._writer = pq.ParquetWriter(str(self._folder / name), self._schema)


def scores_schema(id_columns: Sequence[str], components: Sequence[str]) -> Any:
    """The columns of scored rows."""
    if clashes := sorted({*FIXED_COLUMNS, *components} & set(id_columns)):
        raise InputError(
            f"id_columns names {', '.join(clashes)}, which scored rows have by themselves. Rename it in the files, or "
            "leave it out."
        )
    fields = [
        ("file", pa.string()),
        ("row", pa.int64()),
        *((name, pa.string()) for name in id_columns),
        *((name, pa.float64()) for name in (*components, "T2", "Q")),
        ("T2_beyond", pa.int8()),
        ("Q_beyond", pa.int8()),
    ]
    return pa.schema(fields)
