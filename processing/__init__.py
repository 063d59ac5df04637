"""Turns raw recordings into training features and the statistics that go with them.

Runs in a SageMaker processing container and needs only Python 3.9, NumPy and pyarrow. It streams every .csv, .csv.gz
and .parquet file below --input-dir, so that memory stays flat however large the files are, in one flow:

    arguments    what the job is asked for
    input_files  which files there are: csv_files (quoted_cells, cells) and parquet_files, their columns
    training_rows  without bad rows and with gaps filled
    moments      count, mean, range, scatter; from them scaling
    features     CSV or RecordIO-protobuf, in parts
    output       what stands in the end, the manifest moments-<host>.json last: where it stands, everything stands

Moments tell later steps about the rows without reading them again. On several hosts each handles its own files, and
the hosts' moments merge exactly. The folder is uploaded whole and run as one: `python3 processing --input-dir=...`.
"""
