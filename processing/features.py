"""Features files: headerless CSV or RecordIO-protobuf."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pacsv

from processing.moments import FloatArray


class CsvPart:
    """A features file of headerless CSV; every number reads back as the same float32."""

    suffix = ".csv"

    def __init__(self, path: Path, width: int) -> None:
        self._schema = pa.schema([(str(index), pa.float32()) for index in range(width)])
        self._writer = pacsv.CSVWriter(str(path), self._schema, write_options=pacsv.WriteOptions(include_header=False))
        self.close = self._writer.close

    def write(self, features: FloatArray) -> None:
        """Append features of shape (d, n)."""
        columns = [pa.array(column) for column in features.astype(np.float32, order="C")]
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))


class RecordIOPart:
    """A features file of RecordIO-protobuf, as the `sagemaker` SDK writes it for dense float32 vectors.

    A record is {features: {"values": {float32_tensor: {values: [...]}}}} (aialgs.data.Record) in a frame of magic
    number, length and padding to four bytes. All records of one width have one layout: a batch is one NumPy array.
    """

    suffix = ".pbr"

    def __init__(self, path: Path, width: int) -> None:
        message = b""
        # From the inside out: float32_tensor.values, Value.float32_tensor, the map's entry, Record.features.
        for opening in (b"\x0a", b"\x12", b"\x0a\x06values\x12", b"\x0a"):
            message = opening + varint(len(message) + 4 * width) + message
        length = len(message) + 4 * width
        self._prefix = np.frombuffer(struct.pack("<II", 0xCED7230A, length) + message, np.uint8)
        fields = [("prefix", "u1", self._prefix.size), ("values", "<f4", width), ("padding", "u1", -length % 4)]
        self._layout, self._file = np.dtype(fields), path.open("wb")
        self._records = np.zeros(0, self._layout)  # of the largest batch so far: what all records share is there
        self.close = self._file.close

    def write(self, features: FloatArray) -> None:
        """Append features of shape (d, n)."""
        count = features.shape[1]
        if count > len(self._records):
            self._records = np.zeros(count, self._layout)
            self._records["prefix"] = self._prefix
        records = self._records[:count]
        records["values"] = features.T
        records.tofile(self._file)


def varint(number: int) -> bytes:
    """A number as protobuf writes it: seven bits a byte, the lowest first."""
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)
