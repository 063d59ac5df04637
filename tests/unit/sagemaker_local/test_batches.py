"""How batch transform cuts an object into requests."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_local.pca_algorithm.recordio import encode_features
from sagemaker_local.transform_container import ObjectFailedError, batches


def bodies(content: bytes, split: str, strategy: str, limit: int) -> list[bytes]:
    return [b"".join(records) for records in batches(content, split, strategy, limit)]


@given(
    lines=st.lists(
        st.binary(max_size=12).filter(lambda line: line.strip() and not set(line) & set(b"\r\n")), max_size=20
    ),
    limit=st.integers(13, 60),
)
def test_lines_are_packed_in_order_up_to_the_limit(lines: list[bytes], limit: int) -> None:
    content = b"".join(line + b"\n" for line in lines)
    packed = bodies(content, "Line", "MULTI_RECORD", limit)
    assert b"".join(packed) == content
    assert all(len(batch) <= limit for batch in packed)
    assert all(len(first) + len(second.splitlines(keepends=True)[0]) > limit for first, second in pairwise(packed))


def test_single_record_sends_one_line_each_and_no_blank_ones() -> None:
    assert bodies(b"1\n\n2\r\n3", "Line", "SINGLE_RECORD", 100) == [b"1\n", b"2\r\n", b"3"]


def test_unsplit_object_is_one_request() -> None:
    assert bodies(b"a\nb", "None", "MULTI_RECORD", 1) == [b"a\nb"]


def test_record_io_is_cut_at_its_frames() -> None:
    rows = np.arange(9, dtype=np.float32).reshape(3, 3)
    content = encode_features(rows)
    records = bodies(content, "RecordIO", "SINGLE_RECORD", 1000)
    assert records == [encode_features(rows[number : number + 1]) for number in range(3)]
    with pytest.raises(ObjectFailedError):
        bodies(content[:-1], "RecordIO", "SINGLE_RECORD", 1000)
