"""Which part of each record a transform sends to its model, and which it writes beside the answer (`DataProcessing`).

https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-data-processing.html
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jsonpath_ng.jsonpath import Child, Fields, Index, JSONPath, Root
from jsonpath_ng.parser import parse

from sagemaker_local.exceptions import UnsupportedError, ValidationError

ALL = "$"
JSON_LINES, CSV = "application/jsonlines", "text/csv"


def check(request: Mapping[str, Any]) -> None:
    """Refuse what no record can be filtered or joined by, before there is a job."""
    asked = request.get("DataProcessing") or {}
    filters = {name: asked.get(name, ALL) for name in ("InputFilter", "OutputFilter")}
    if asked.get("JoinSource", "None") == "None" and set(filters.values()) == {ALL}:
        return
    for name, expression in filters.items():
        try:
            parse(expression)
        except Exception as error:
            raise ValidationError(f"DataProcessing.{name}={expression} is no JSONPath expression: {error}") from None
    given = request["TransformInput"]
    content_type = str(given.get("ContentType", "")).split(";")[0]
    if content_type not in (JSON_LINES, CSV) or given.get("SplitType") != "Line":
        raise UnsupportedError(
            f"sagemaker_local carries out DataProcessing of {JSON_LINES} and {CSV} split by Line, and of nothing else."
        )
    accept = request["TransformOutput"].get("Accept", JSON_LINES)
    if accept != JSON_LINES and (asked.get("JoinSource") == "Input" or filters["OutputFilter"] != ALL):
        raise UnsupportedError(
            f"sagemaker_local joins and filters answers in {JSON_LINES}, not Accept={accept}: leave Accept out."
        )
    if content_type == CSV and (asked.get("JoinSource") == "Input" or filters["OutputFilter"] != ALL):
        raise UnsupportedError(
            f"DataProcessing joins {CSV} only to answers in {CSV}, which the built-in PCA does not give: "
            f"transform {JSON_LINES}, or leave JoinSource and OutputFilter out."
        )


class RecordJoining:
    """The instructions of one job.

    :param asked: its `DataProcessing`
    :param content_type: of its records
    """

    def __init__(self, asked: Mapping[str, str], content_type: str) -> None:
        self._input, self._output = parse(asked.get("InputFilter", ALL)), parse(asked.get("OutputFilter", ALL))
        self._joins = asked.get("JoinSource") == "Input"
        self._is_csv = content_type.split(";")[0] == CSV

    @property
    def sends_all(self) -> bool:
        """Whether the model gets the records as they are."""
        return isinstance(self._input, Root)

    def sent(self, record: bytes) -> bytes:
        """The part of a record, a line, that the model gets.

        Raises:
            LookupError: when the filter finds nothing in it.
            ValueError: when it is no JSON.
        """
        if self.sends_all:
            return record
        if not self._is_csv:
            return _json_line(_selected(self._input, json.loads(record)))
        (cells,) = csv.reader([record.decode()])
        found = _selected(self._input, cells)
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(found if isinstance(found, list) else [found])
        return line.getvalue().encode()

    def written(self, records: Sequence[bytes], answers: bytes) -> bytes:
        """What is written of the answers, in JSON lines, to some records.

        Raises:
            LookupError: when the filter finds nothing.
            ValueError: when a record or an answer is no JSON, or there is not one answer for each record.
        """
        if not self._joins and isinstance(self._output, Root):
            return answers
        join: Callable[[bytes, Any], Any] = _joined if self._joins else lambda _, answer: answer
        pairs = zip(records, map(json.loads, answers.splitlines()), strict=True)
        return b"".join(_json_line(_selected(self._output, join(record, answer))) for record, answer in pairs)


def _joined(record: bytes, answer: Any) -> dict[str, Any]:
    given = json.loads(record)
    return {**(given if isinstance(given, dict) else {"SageMakerInput": given}), "SageMakerOutput": answer}


def _selected(path: JSONPath, value: Any) -> Any:
    """The part of a value: one of its parts by itself, several of an object as an object, of an array as an array."""
    found = path.find(value)
    if not found:
        raise LookupError(f"{path} finds nothing in a record.")
    last = path.right if isinstance(path, Child) else path
    if isinstance(last, Fields) and len(last.fields) > 1:
        return {str(match.path): match.value for match in found}
    is_one = isinstance(last, Root | Fields) or (isinstance(last, Index) and len(last.indices) == 1)
    return found[0].value if is_one else [match.value for match in found]


def _json_line(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"
