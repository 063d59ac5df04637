"""The protobuf message `aialgs.data.Record`, one row of data, with Google's runtime.

Schema: https://docs.aws.amazon.com/sagemaker/latest/dg/cdf-training.html
"""

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from numpy.typing import NDArray

_Field = descriptor_pb2.FieldDescriptorProto
# Tensors by the name of their field in a Value: field number, protobuf type, NumPy type.
_TENSORS: dict[str, tuple[int, int, str]] = {
    "float32_tensor": (2, _Field.TYPE_FLOAT, "<f4"),
    "float64_tensor": (3, _Field.TYPE_DOUBLE, "<f8"),
    "int32_tensor": (7, _Field.TYPE_INT32, "<i4"),
}


def _record_class() -> Any:
    """Build the message class; the published .proto file would need a compiler."""
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="aialgs.data", syntax="proto2")
    value = file.message_type.add(name="Value")
    for tensor_name, (number, value_type, _) in _TENSORS.items():
        tensor = file.message_type.add(name=f"Tensor{number}")
        _add_field(tensor, 1, "values", value_type, repeated=True)
        _add_field(tensor, 2, "keys", _Field.TYPE_UINT64, repeated=True)
        _add_field(tensor, 3, "shape", _Field.TYPE_UINT64, repeated=True)
        _add_field(value, number, tensor_name, _Field.TYPE_MESSAGE, type_name=f"Tensor{number}")
    record = file.message_type.add(name="Record")
    for number, name in ((1, "features"), (2, "label")):
        entry = record.nested_type.add(name=f"{name.title()}Entry")
        entry.options.map_entry = True
        _add_field(entry, 1, "key", _Field.TYPE_STRING)
        _add_field(entry, 2, "value", _Field.TYPE_MESSAGE, type_name="Value")
        _add_field(record, number, name, _Field.TYPE_MESSAGE, repeated=True, type_name=f"Record.{entry.name}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("aialgs.data.Record"))


def _add_field(
    message: Any, number: int, name: str, kind: int, repeated: bool = False, type_name: str | None = None
) -> None:
    field = message.field.add(number=number, name=name, type=kind)
    if type_name:
        field.type_name = f".aialgs.data.{type_name}"
    field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    field.options.packed = repeated and kind != _Field.TYPE_MESSAGE


_Record = _record_class()


def encode_dense(record_map: str, key: str, values: NDArray[Any]) -> bytes:
    """Return the record whose map (`features` or `label`) holds values (d,) of float32 or float64 under a key."""
    tensor_name = next(name for name, (_, _, dtype) in _TENSORS.items() if values.dtype == dtype)
    record = _Record()
    getattr(getattr(record, record_map)[key], tensor_name).values.extend(values.tolist())
    content: bytes = record.SerializeToString()
    return content


def decode_row(message: bytes, record_map: str, key: str, width: int | None) -> NDArray[Any]:
    """Return the values under a key as one dense row; a sparse tensor without shape takes its width from the caller.

    Raises ValueError where the bytes are no record, or not one with such values.
    """
    try:
        entries = getattr(_Record.FromString(message), record_map)
    except DecodeError as error:
        raise ValueError(f"A record of {len(message)} bytes is damaged: {error}") from error
    value = entries.get(key)
    name = next((name for name in _TENSORS if value and value.HasField(name)), None)
    if name is None:
        raise ValueError(f"A record has no {record_map} tensor {key!r}.")
    tensor = getattr(value, name)
    return _dense(tensor, np.array(tensor.values, _TENSORS[name][2]), width)


def _dense(tensor: Any, values: NDArray[Any], width: int | None) -> NDArray[Any]:
    if not tensor.keys and (values.size or not tensor.shape):
        return values
    size = tensor.shape[0] if tensor.shape else width
    if size is None or (width is not None and size != width):
        raise ValueError(f"A sparse record has shape {list(tensor.shape)}, expected [{width}]. Write its shape.")
    keys = np.array(tensor.keys, np.uint64)
    if keys.size != values.size or (keys >= size).any():
        raise ValueError(f"A sparse record has keys outside its shape [{size}] or not one key per value.")
    row = np.zeros(size, values.dtype)
    row[keys] = values
    return row
