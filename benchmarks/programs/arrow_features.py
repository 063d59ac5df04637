"""A bare pyarrow loop from a recording to features: `python arrow_features.py RECORDING FEATURES COLUMN ...`.

No checks, no statistics, no parts, one policy for gaps: what reading and writing alone take.
"""

import sys

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

recording, features, *columns = sys.argv[1:]
schema = pa.schema([(column, pa.float32()) for column in columns])
converting = csv.ConvertOptions(include_columns=columns, column_types=schema)
writing = csv.WriteOptions(include_header=False)
reader, writer = (
    csv.open_csv(recording, convert_options=converting),
    csv.CSVWriter(features, schema, write_options=writing),
)
with reader as batches, writer:
    for batch in batches:
        filled = [pc.fill_null(column, 0.0) for column in batch.columns]
        writer.write_batch(pa.RecordBatch.from_arrays(filled, schema=schema))
