import gzip
import io
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from numpy.typing import DTypeLike, NDArray

from sagemaker_local.pca_algorithm.recordio import (
    decode_features,
    decode_projections,
    encode_features,
    encode_projections,
    iter_features,
    write_features,
)

sdk_recordio = pytest.importorskip("sagemaker.core.serializers.utils")
FIELD = descriptor_pb2.FieldDescriptorProto


def _add_field(
    message: Any, number: int, name: str, kind: Any, repeated: bool = False, type_name: str | None = None
) -> None:
    field = message.field.add(number=number, name=name, type=kind, type_name=type_name)
    field.label = FIELD.LABEL_REPEATED if repeated else FIELD.LABEL_OPTIONAL
    field.options.packed = repeated and kind != FIELD.TYPE_MESSAGE


def _add_tensor(file: Any, name: str, kind: Any) -> None:
    tensor = file.message_type.add(name=name)
    _add_field(tensor, 1, "values", kind, repeated=True)
    _add_field(tensor, 2, "keys", FIELD.TYPE_UINT64, repeated=True)
    _add_field(tensor, 3, "shape", FIELD.TYPE_UINT64, repeated=True)


def _record_class() -> Any:
    """Google's own protobuf runtime with the published schema: the reference that our parser is held against."""
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="aialgs.data", syntax="proto2")
    value = file.message_type.add(name="Value")
    for number, name, kind in ((2, "Float32", FIELD.TYPE_FLOAT), (3, "Float64", FIELD.TYPE_DOUBLE)):
        _add_tensor(file, f"{name}Tensor", kind)
        _add_field(value, number, f"{name.lower()}_tensor", FIELD.TYPE_MESSAGE, type_name=f".aialgs.data.{name}Tensor")
    _add_tensor(file, "Int32Tensor", FIELD.TYPE_INT32)
    _add_field(value, 7, "int32_tensor", FIELD.TYPE_MESSAGE, type_name=".aialgs.data.Int32Tensor")
    _add_field(value, 9, "bytes", FIELD.TYPE_BYTES)
    record = file.message_type.add(name="Record")
    for number, name in ((1, "features"), (2, "label")):
        entry = record.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, 1, "key", FIELD.TYPE_STRING)
        _add_field(entry, 2, "value", FIELD.TYPE_MESSAGE, type_name=".aialgs.data.Value")
        entry_type = f".aialgs.data.Record.{name.title()}Entry"
        _add_field(record, number, name, FIELD.TYPE_MESSAGE, repeated=True, type_name=entry_type)
    _add_field(record, 3, "uid", FIELD.TYPE_STRING)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("aialgs.data.Record"))


Record = _record_class()


def record(
    values: Iterable[float],
    tensor: str = "float32_tensor",
    keys: Sequence[int] = (),
    shape: Sequence[int] = (),
    label: float | None = None,
    uid: str | None = None,
) -> Any:
    message = Record(uid=uid)
    target = getattr(message.features["values"], tensor)
    target.values.extend(values)
    target.keys.extend(keys)
    target.shape.extend(shape)
    if label is not None:
        message.label["values"].float32_tensor.values.append(label)
    return message


def framed(messages: Iterable[Any]) -> bytes:
    file = io.BytesIO()
    for message in messages:
        sdk_recordio._write_recordio(file, message.SerializeToString())
    return file.getvalue()


def parsed(data: bytes) -> list[Any]:
    return [Record.FromString(payload) for payload in sdk_recordio.read_recordio(io.BytesIO(data))]


def matrix(rows: int, columns: int, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    return np.random.default_rng(7).normal(size=(rows, columns)).astype(dtype)


@pytest.mark.parametrize("columns", [1, 4, 30, 34, 256, 5000])
@pytest.mark.parametrize(("dtype", "tensor"), [(np.float32, "float32_tensor"), (np.float64, "float64_tensor")])
def test_written_records_are_what_protobuf_and_the_sdk_write(columns: int, dtype: DTypeLike, tensor: str) -> None:
    features = matrix(5, columns, dtype)

    assert encode_features(features) == framed(record(row, tensor) for row in features)


def test_a_record_of_34_floats_takes_the_164_bytes_that_the_real_log_counts() -> None:
    assert len(encode_features(matrix(500, 34))) == 82000


def test_the_sdk_reads_our_frames_and_protobuf_our_records() -> None:
    features = matrix(3, 4)

    np.testing.assert_array_equal(
        [message.features["values"].float32_tensor.values for message in parsed(encode_features(features))], features
    )


def test_projections_are_labels_of_records_without_features() -> None:
    projections = matrix(3, 2, np.float64)

    messages = parsed(encode_projections(projections))

    assert [len(message.features) for message in messages] == [0, 0, 0]
    stored = [message.label["projection"].float32_tensor.values for message in messages]
    np.testing.assert_array_equal(stored, projections.astype(np.float32))
    np.testing.assert_array_equal(decode_projections(encode_projections(projections)), stored)


@pytest.mark.parametrize(
    ("tensor", "values"),
    [
        ("float32_tensor", [[1.5, -2.0], [0.0, 3.25]]),
        ("float64_tensor", [[1e300, -2.0], [0.0, 3.25]]),
        ("int32_tensor", [[1, -2], [2**31 - 1, -(2**31)]]),
    ],
)
def test_every_tensor_type_is_read(tensor: str, values: list[list[float]]) -> None:
    np.testing.assert_array_equal(decode_features(framed(record(row, tensor) for row in values)), values)


def test_labels_and_ids_of_any_size_are_read_past() -> None:
    features = matrix(300, 3)
    messages = [record(row, label=i, uid="u" * (i % 3)) for i, row in enumerate(features)]

    np.testing.assert_array_equal(decode_features(framed(messages)), features)


def test_sparse_records_become_dense_rows() -> None:
    messages = [
        record([5.0, 7.0], keys=[1, 3], shape=[400]),
        record([], shape=[400]),
        record([9.0], keys=[300], shape=[400]),
    ]

    rows = decode_features(framed(messages))

    expected = np.zeros((3, 400))
    expected[0, [1, 3]], expected[2, 300] = [5.0, 7.0], 9.0
    np.testing.assert_array_equal(rows, expected)


def test_a_sparse_record_without_shape_takes_the_width_of_the_caller() -> None:
    data = framed([record([5.0], keys=[1])])

    np.testing.assert_array_equal(decode_features(data, feature_dim=3), [[0, 5, 0]])
    with pytest.raises(ValueError, match="Write its shape"):
        decode_features(data)


def test_a_sparse_shape_larger_than_the_caller_expects_is_refused_before_it_is_allocated() -> None:
    with pytest.raises(ValueError, match="expected"):
        decode_features(framed([record([5.0], keys=[1], shape=[1 << 60])]), feature_dim=3)


def test_unpacked_values_are_read() -> None:
    tensor = b"".join(struct.pack("<Bf", 1 << 3 | 5, value) for value in (1.0, 2.0))
    value = bytes([2 << 3 | 2, len(tensor)]) + tensor
    entry = b"\x0a\x06values" + bytes([2 << 3 | 2, len(value)]) + value
    payload = bytes([1 << 3 | 2, len(entry)]) + entry
    file = io.BytesIO()
    sdk_recordio._write_recordio(file, payload)

    np.testing.assert_array_equal(decode_features(file.getvalue()), [[1.0, 2.0]])


def test_runs_of_different_record_kinds_keep_their_order() -> None:
    dense, tail = matrix(9000, 4), matrix(9000, 4)
    data = encode_features(dense) + framed([record([1], "int32_tensor", keys=[2], shape=[4])]) + encode_features(tail)

    rows = decode_features(data, feature_dim=4)

    np.testing.assert_array_equal(rows, np.concatenate([dense, [[0, 0, 1, 0]], tail]))


@pytest.mark.parametrize("read_bytes", [16, 100, 4096, 1 << 22])
def test_a_file_is_streamed_in_blocks_that_add_up(tmp_path: Path, read_bytes: int) -> None:
    features = matrix(1000, 5)
    path = tmp_path / "part.pbr"
    with path.open("wb") as file:
        write_features(file, features)

    with path.open("rb") as file:
        blocks = list(iter_features(file, 5, read_bytes))

    np.testing.assert_array_equal(np.concatenate(blocks), features)
    assert max(map(len, blocks)) <= max(1, read_bytes // 40)


def test_a_truncated_file_is_refused_after_its_whole_records() -> None:
    file = io.BytesIO(encode_features(matrix(3, 5))[:-1])

    with pytest.raises(ValueError, match="truncated"):
        list(iter_features(file))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(b"", "no RecordIO record", id="empty"),
        pytest.param(b"1,2,3,4\n5,6,7,8\n", "No RecordIO record starts at byte 0", id="csv"),
        pytest.param(encode_features(matrix(2, 3))[:-4], "truncated", id="truncated"),
        pytest.param(encode_features(matrix(2, 3)) + b"junkjunk", "No RecordIO record starts", id="trailing"),
        pytest.param(struct.pack("<II", 0xCED7230A, 1 << 31), "claims", id="huge"),
        pytest.param(encode_features(matrix(1, 3)) + encode_features(matrix(1, 4)), "differ in width", id="widths"),
        pytest.param(encode_projections(matrix(1, 3)), "no features tensor 'values'", id="no-features"),
        pytest.param(struct.pack("<II", 0xCED7230A, 4) + b"\x0a\x7f\x0a\x01", "damaged", id="bad-length"),
        pytest.param(struct.pack("<II", 0xCED7230A, 4) + b"\x0f\x00\x00\x00", "damaged", id="bad-wire-type"),
        pytest.param(struct.pack("<II", 0xCED7230A, 4) + b"\xff\xff\xff\xff", "damaged", id="bad-varint"),
        pytest.param(framed([record([1.0], keys=[7], shape=[4])]), "outside its shape", id="key-range"),
        pytest.param(framed([record([1.0, 2.0], keys=[1], shape=[4])]), "one key per value", id="key-count"),
    ],
)
def test_foreign_or_damaged_bytes_are_refused_with_the_reason(data: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        decode_features(data)


@pytest.mark.parametrize("columns", [4, 30, 34])  # 30 are followed by padding
def test_a_flipped_bit_before_the_values_of_one_of_many_records_is_refused(columns: int) -> None:
    data = encode_features(matrix(4, columns))
    size, start = len(data) // 4, data.index(np.float32(matrix(4, columns)[0, 0]).tobytes())
    for bit in range(8 * start):
        damaged = bytearray(data)
        damaged[2 * size + bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"[Rr]ecord"):
            decode_features(bytes(damaged))


def test_padding_may_hold_anything() -> None:
    data = bytearray(encode_features(matrix(3, 30)))
    data[2 * len(data) // 3 - 1] = 7

    np.testing.assert_array_equal(decode_features(bytes(data)), matrix(3, 30))


def test_records_without_values_are_rows_without_columns() -> None:
    assert decode_features(framed([record([]), record([])])).shape == (2, 0)


@pytest.mark.parametrize(
    "features",
    [np.asfortranarray(matrix(5, 3)), matrix(10, 6)[::2, ::2], np.arange(15).reshape(5, 3)],
    ids=["in columns", "with steps", "integer"],
)
def test_any_matrix_is_written_like_its_copy_in_rows_of_float32(features: NDArray[Any]) -> None:
    assert encode_features(features) == encode_features(np.ascontiguousarray(features, np.float32))


def test_rows_of_another_width_than_expected_are_refused() -> None:
    with pytest.raises(ValueError, match="3 values, expected 4"):
        decode_features(encode_features(matrix(2, 3)), feature_dim=4)


def test_random_damage_never_escapes_as_another_error() -> None:
    rng = np.random.default_rng(3)
    original = framed([record([1, 2, 3], "int32_tensor", keys=[0, 1, 2], shape=[4], label=1.0)] * 3)
    for _ in range(2000):
        damaged = bytearray(original)
        for position in rng.integers(0, len(damaged), 3):
            damaged[position] = rng.integers(0, 256)
        try:
            decode_features(bytes(damaged), feature_dim=4)
        except ValueError:
            continue


def test_records_are_appended_behind_those_of_a_file(tmp_path: Path) -> None:
    path, rows = tmp_path / "appended.pbr", np.arange(6, dtype=np.float32).reshape(2, 3)
    for _ in range(2):
        with path.open("ab") as file:
            write_features(file, rows)
    np.testing.assert_array_equal(decode_features(path.read_bytes()), np.concatenate([rows, rows]))


def test_a_compressed_file_takes_no_more_room_than_it_needs(tmp_path: Path) -> None:
    path, rows = tmp_path / "zeros.pbr.gz", np.zeros((10_000, 10), np.float32)
    with gzip.open(path, "wb") as file:
        write_features(cast(BinaryIO, file), rows)
    assert path.stat().st_size < rows.nbytes / 10
    np.testing.assert_array_equal(decode_features(gzip.decompress(path.read_bytes())), rows)
