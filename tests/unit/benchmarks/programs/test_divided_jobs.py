from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.programs.divided_jobs import in_order
from processing.feature_parts import FeatureWriter
from sagemaker_local.pca_algorithm.recordio import decode_features


@pytest.mark.parametrize("training_hosts", [1, 2, 4])
def test_rows_dealt_out_to_training_hosts_come_back_in_their_order(tmp_path: Path, training_hosts: int) -> None:
    rows = np.arange(2 * 101, dtype=np.float32).reshape(101, 2)
    arguments = Namespace(part_hosts=training_hosts, part_rows=25, output_format="recordio", feature_columns=["a", "b"])
    writer = FeatureWriter(tmp_path, "algo-1", arguments)
    for batch in np.array_split(rows, 7):
        writer.write(batch.T.astype(np.float64))
    writer.close()

    parts = [decode_features((tmp_path / part["name"]).read_bytes()) for part in writer.parts]
    assert len(parts) >= training_hosts
    np.testing.assert_array_equal(in_order(parts, training_hosts), rows)
