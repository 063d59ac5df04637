"""What runs in a batch transform's container: split each object, invoke the model, assemble the answers.

Reads /opt/ml/transform.json and, per object, /opt/ml/input/data/<path>; writes /opt/ml/output/data/<path>.out only when
the whole object succeeded. Exits with 0, or with 1 when an object failed.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from sagemaker_local.pca_algorithm.serve import Predictor
from sagemaker_local.record_joining import RecordJoining

_RECORD_HEADER_BYTES = 8
_MEGABYTE = 1024 * 1024


class ObjectFailedError(Exception):
    """One input object could not be transformed; the text goes to the log."""


def main(root: Path) -> int:
    """Transform every object of this host."""
    job = json.loads((root / "transform.json").read_text(encoding="utf-8"))
    predictor = Predictor.load(root / "model", job["environment"])
    _say(f"MaxConcurrentTransforms=1, MaxPayloadInMB={job['max_payload_mb']}, BatchStrategy={job['strategy']}")
    failed = False
    for item in job["objects"]:
        try:
            output = _transform(predictor, (root / "input/data" / item["path"]).read_bytes(), job)
        except ObjectFailedError as error:
            failed = True
            for line in str(error).splitlines():
                _say(f"{item['name']}: {line}")
        else:
            target = root / "output/data" / f"{item['path']}.out"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(output)
    return 1 if failed else 0


def _transform(predictor: Predictor, content: bytes, job: dict[str, Any]) -> bytes:
    limit = job["max_payload_mb"] * _MEGABYTE
    joining = RecordJoining(job["data_processing"], job["content_type"] or "")
    answers = []
    for records in batches(content, job["split"], job["strategy"], limit):
        sent = records if joining.sends_all else (_in_words(joining.sent, record) for record in records)
        payload = b"".join(sent)
        if len(payload) > limit:
            raise ObjectFailedError(f"ClientError: 413\n\nMessage:\nPayload of {len(payload)} bytes exceeds {limit}")
        reply = predictor.invoke(payload, job["content_type"], job["accept"])
        if reply.status >= 400:
            kind = "Bad HTTP status received from algorithm" if reply.status >= 500 else "ClientError"
            raise ObjectFailedError(f"{kind}: {reply.status}\n\nMessage:\n{reply.body.decode(errors='replace')}")
        answers.append(_in_words(joining.written, records, reply.body))
    if job["assemble"] == "Line":
        return b"".join(answer.removesuffix(b"\n") + b"\n" for answer in answers)
    return b"".join(answers)


def _in_words(process: Callable[..., bytes], *given: Any) -> bytes:
    """What comes of records; an object of which nothing comes fails by itself."""
    try:
        return process(*given)
    except (LookupError, ValueError) as error:
        raise ObjectFailedError(f"ClientError: DataProcessing: {error}") from None


def batches(content: bytes, split: str, strategy: str, limit: int) -> Iterator[list[bytes]]:
    """Yield each request body's records: one (SINGLE_RECORD), or as many as fit into the limit (MULTI_RECORD)."""
    if split == "None":
        yield [content]
        return
    records = _lines(content) if split == "Line" else _frames(content)
    batch: list[bytes] = []
    size = 0
    for record in records:
        if batch and (strategy == "SINGLE_RECORD" or size + len(record) > limit):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += len(record)
    if batch:
        yield batch


def _lines(content: bytes) -> Iterator[bytes]:
    return (line for line in content.splitlines(keepends=True) if line.strip())


def _frames(content: bytes) -> Iterator[bytes]:
    """Yield RecordIO frames: a magic number, the payload's length (both u32), the payload padded to 4 bytes."""
    start = 0
    while start < len(content):
        length = int.from_bytes(content[start + 4 : start + _RECORD_HEADER_BYTES], "little")
        end = start + _RECORD_HEADER_BYTES + (length + 3) // 4 * 4
        if end > len(content):
            raise ObjectFailedError("ClientError: the object is not valid RecordIO")
        yield content[start:end]
        start = end


def _say(line: str) -> None:
    print(f"[sagemaker logs]: {line}", flush=True)  # noqa: T201 (the container's log is its standard output)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
