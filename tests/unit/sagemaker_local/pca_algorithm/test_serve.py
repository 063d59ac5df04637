import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.ndarray_file import write_arrays
from sagemaker_local.pca_algorithm.recordio import decode_projections, encode_features
from sagemaker_local.pca_algorithm.serve import ModelLoadError, Predictor, Reply

CSV, JSON, JSON_LINES = "text/csv", "application/json", "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"

Rows = NDArray[np.float64]


def _arrays(d: int, k: int) -> dict[str, NDArray[np.float32]]:
    rng = np.random.default_rng(4)
    components = np.linalg.qr(rng.normal(size=(d, k)))[0]
    arrays = {"s": np.arange(1, k + 1), "v": components, "mean": rng.normal(size=(1, d))}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


@pytest.fixture
def arrays() -> dict[str, NDArray[np.float32]]:
    """A model of four features and two components."""
    return _arrays(4, 2)


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Predictor]:
    """Loads a model of the given arrays."""

    def load(arrays: dict[str, NDArray[Any]], **environment: str) -> Predictor:
        (tmp_path / "model_algo-1").write_bytes(write_arrays(arrays))
        return Predictor.load(tmp_path, environment)

    return load


@pytest.fixture
def predictor(load: Callable[..., Predictor], arrays: dict[str, NDArray[np.float32]]) -> Predictor:
    return load(arrays)


@pytest.fixture
def expected(arrays: dict[str, NDArray[np.float32]]) -> Rows:
    """What double precision says about ROWS."""
    projections: Rows = (np.array(ROWS) - arrays["mean"].astype(float)) @ arrays["v"].astype(float)
    return projections


ROWS = [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 7.5, 0.0]]


def projections_of(reply: Reply) -> Rows:
    assert reply.status == 200, reply.body
    if reply.content_type == JSON:
        return np.array([item["projection"] for item in json.loads(reply.body)["projections"]])
    if reply.content_type == JSON_LINES:
        return np.array([json.loads(line)["projection"] for line in reply.body.splitlines()])
    return decode_projections(reply.body)


def dense(row: list[float]) -> dict[str, Any]:
    return {"features": row}


def nested(row: list[float]) -> dict[str, Any]:
    return {"data": {"features": {"values": row}}}


def sparse(row: list[float]) -> dict[str, Any]:
    keys = [index for index, value in enumerate(row) if value]
    return {"data": {"features": {"keys": keys, "shape": [len(row)], "values": [row[key] for key in keys]}}}


def as_json(form: Callable[[list[float]], dict[str, Any]]) -> bytes:
    return json.dumps({"instances": [form(row) for row in ROWS]}).encode()


def as_json_lines(form: Callable[[list[float]], dict[str, Any]]) -> bytes:
    return "\n".join(json.dumps(form(row)) for row in ROWS).encode()


CSV_BODY = b"1,2,3,4\n0,0,7.5,0\n"


@pytest.mark.parametrize("accept", [JSON, JSON_LINES, RECORDIO])
@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param(CSV, CSV_BODY, id="csv"),
        pytest.param(CSV, CSV_BODY.strip(), id="csv-without-last-line-end"),
        pytest.param("text/csv;label_size=0", CSV_BODY, id="csv-label-0"),
        pytest.param("Text/CSV; charset=utf-8; label_size=1", b"9,1,2,3,4\n9,0,0,7.5,0\n", id="csv-label-1"),
        pytest.param(JSON, as_json(dense), id="json-dense"),
        pytest.param(JSON, as_json(nested), id="json-nested"),
        pytest.param(JSON, as_json(sparse), id="json-sparse"),
        pytest.param(JSON_LINES, as_json_lines(dense), id="jsonlines-dense"),
        pytest.param(JSON_LINES, as_json_lines(nested), id="jsonlines-nested"),
        pytest.param(JSON_LINES, as_json_lines(sparse) + b"\n\n", id="jsonlines-sparse"),
        pytest.param(RECORDIO, encode_features(np.array(ROWS)), id="recordio-float64"),
        pytest.param(RECORDIO, encode_features(np.array(ROWS, np.float32)), id="recordio-float32"),
    ],
)
def test_every_request_format_is_answered_in_every_answer_format(
    predictor: Predictor, expected: Rows, content_type: str, body: bytes, accept: str
) -> None:
    reply = predictor.invoke(body, content_type, accept)

    assert reply.content_type == accept
    np.testing.assert_allclose(projections_of(reply), expected, rtol=1e-6)


@pytest.mark.parametrize("accept", [None, "", "*/*", "application/*", "text/html, */*;q=0.8"])
@pytest.mark.parametrize(("environment", "default"), [({}, JSON), ({"SAGEMAKER_BATCH": "true"}, JSON_LINES)])
def test_without_preference_an_endpoint_answers_json_and_batch_transform_json_lines(
    load: Callable[..., Predictor],
    arrays: dict[str, NDArray[np.float32]],
    environment: dict[str, str],
    default: str,
    accept: str | None,
) -> None:
    assert load(arrays, **environment).invoke(CSV_BODY, CSV, accept).content_type == default


def test_the_first_acceptable_type_is_answered(predictor: Predictor) -> None:
    assert predictor.invoke(CSV_BODY, CSV, "text/html, application/jsonlines;q=1, */*").content_type == JSON_LINES


def test_an_answer_has_the_documented_shape(predictor: Predictor, expected: Rows) -> None:
    single = [float(np.float32(value)) for value in expected[0]]

    assert json.loads(predictor.invoke(b"1,2,3,4", CSV, None).body) == {
        "projections": [{"projection": pytest.approx(single, rel=1e-6)}]
    }


@pytest.mark.parametrize("accept", [JSON, JSON_LINES, RECORDIO])
@pytest.mark.parametrize("content_type", [CSV, RECORDIO])
def test_large_requests_are_answered_as_small_ones_are(predictor: Predictor, content_type: str, accept: str) -> None:
    rows = np.random.default_rng(0).normal(size=(3000, 4)) * 1e-6
    lines = [",".join(map(repr, row)) for row in rows.tolist()]
    body = "\n".join(lines).encode() if content_type == CSV else encode_features(rows)

    together = projections_of(predictor.invoke(body, content_type, accept))

    singles = [projections_of(predictor.invoke(line.encode(), CSV, accept))[0] for line in lines[:50]]
    assert together.shape == (3000, 2)
    np.testing.assert_allclose(together[:50], singles, rtol=1e-6)


def test_a_model_without_mean_projects_raw_rows(
    load: Callable[..., Predictor], arrays: dict[str, NDArray[np.float32]]
) -> None:
    del arrays["mean"]

    np.testing.assert_allclose(
        projections_of(load(arrays).invoke(CSV_BODY, CSV, None)), np.array(ROWS) @ arrays["v"], rtol=1e-6
    )


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (CSV, b""),
        (CSV, b"\n"),
        (CSV, b"1,2,3\n"),
        (CSV, b"1,2,3,4,5\n"),
        (CSV, b"1,2,3,4\n1,2,3\n"),
        (CSV, b"a,b,c,d\n"),
        (CSV, b"1,2,3,\n"),
        (CSV, b"1,2,3,nan\n"),
        (CSV, b"1,2,3,inf\n"),
        (CSV, b"1,2,3,1e300\n"),
        (CSV, b"\xff\xfe1,2,3,4"),
        ("text/csv;label_size=x", b"1,2,3,4\n"),
        ("text/csv;label_size=9", b"1,2,3,4\n"),
        (JSON, b""),
        (JSON, b"1,2,3,4"),
        (JSON, b"[1, 2, 3, 4]"),
        (JSON, b'{"instances": []}'),
        (JSON, b'{"instances": 5}'),
        (JSON, b'{"instances": null}'),
        (JSON, b'{"instances": [5]}'),
        (JSON, b'{"instances": [{}]}'),
        (JSON, b'{"rows": [{"features": [1, 2, 3, 4]}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3]}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3, "x"]}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3, null]}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3, NaN]}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3, [4]]}]}'),
        (JSON, b'{"instances": [{"features": {"a": 1}}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3, 4]}, {"features": [1]}]}'),
        (JSON, b'{"instances": [{"data": {"features": {"values": [1]}}}]}'),
        (JSON, b'{"instances": [{"data": {"features": {"keys": [9], "shape": [4], "values": [1]}}}]}'),
        (JSON, b'{"instances": [{"data": {"features": {"keys": [-1], "shape": [4], "values": [1]}}}]}'),
        (JSON, b'{"instances": [{"data": {"features": {"keys": [0, 1], "shape": [4], "values": [1]}}}]}'),
        (JSON, b'{"instances": [{"data": {"features": {"keys": [0], "shape": [5], "values": [1]}}}]}'),
        (JSON, b'{"instances": [{"data": {"features": {"keys": [0], "values": [1]}}}]}'),
        (JSON, b'{"instances": [{"features": [1, 2, 3, 1' + b"0" * 400 + b"]}]}"),
        (JSON, b"[" * 100_000),
        (JSON, b"\xff"),
        (JSON_LINES, b"\n"),
        (JSON_LINES, b'{"features": [1, 2, 3, 4]}\nnot json'),
        (JSON_LINES, b"5\n"),
        (RECORDIO, b""),
        (RECORDIO, b"1,2,3,4"),
        (RECORDIO, encode_features(np.ones((2, 3)))),
        (RECORDIO, encode_features(np.ones((2, 4)))[:-1]),
        (RECORDIO, encode_features(np.full((2, 4), np.nan))),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_bodies_that_are_not_as_announced_get_400_in_the_services_words(
    predictor: Predictor, content_type: str, body: bytes
) -> None:
    reply = predictor.invoke(body, content_type, None)

    assert (reply.status, reply.body) == (400, b"unable to evaluate payload provided")


@pytest.mark.parametrize("content_type", [None, "", "text/plain", "application/x-npy", ";"])
def test_other_content_types_get_415(predictor: Predictor, content_type: str | None) -> None:
    assert predictor.invoke(b"1,2,3,4", content_type, None).status == 415


@pytest.mark.parametrize("accept", ["text/csv", "image/png", "text/html, text/plain"])
def test_other_accept_types_get_406(predictor: Predictor, accept: str) -> None:
    assert predictor.invoke(b"1,2,3,4", CSV, accept).status == 406


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file"),
        (b"PK\x03\x04" + bytes(60), "not an MXNet NDArray file"),
        (write_arrays({"s": np.ones(2)}), r"\['v'\]"),
        (write_arrays({"s": np.ones(2), "v": np.ones(4)}), r"v of shape \(4,\)"),
        (write_arrays({"s": np.ones(3), "v": np.ones((4, 2))}), r"s of shape \(3,\)"),
        (write_arrays({"s": np.ones(2), "v": np.ones((4, 2)), "mean": np.ones((1, 5))}), r"mean of shape \(1, 5\)"),
    ],
)
def test_a_model_that_cannot_be_loaded_says_why(tmp_path: Path, content: bytes | None, reason: str) -> None:
    if content is not None:
        (tmp_path / "model_algo-1").write_bytes(content)

    with pytest.raises(ModelLoadError, match=f"Unable to load model: .*{reason}"):
        Predictor.load(tmp_path, {})


class TestSdkClients:
    """The SDK's own serializers, as an ordinary user's client applies them."""

    def test_its_csv_and_json_requests_are_understood(self, predictor: Predictor, expected: Rows) -> None:
        serializers = pytest.importorskip("sagemaker.core.serializers.base")
        bodies = {
            CSV: serializers.CSVSerializer().serialize(np.array(ROWS)),
            JSON: serializers.JSONSerializer().serialize({"instances": [dense(row) for row in ROWS]}),
            JSON_LINES: serializers.JSONLinesSerializer().serialize([dense(row) for row in ROWS]),
        }

        for content_type, body in bodies.items():
            reply = predictor.invoke(body.encode(), content_type, None)
            np.testing.assert_allclose(projections_of(reply), expected, rtol=1e-6)

    def test_its_deserializers_understand_the_answers(self, predictor: Predictor, expected: Rows) -> None:
        deserializers = pytest.importorskip("sagemaker.core.deserializers.base")

        answer = deserializers.JSONDeserializer()
        body = predictor.invoke(CSV_BODY, CSV, answer.ACCEPT[0]).body
        projections = [item["projection"] for item in answer.deserialize(io.BytesIO(body), JSON)["projections"]]
        np.testing.assert_allclose(projections, expected, rtol=1e-6)

        lines = deserializers.JSONLinesDeserializer()
        body = predictor.invoke(CSV_BODY, CSV, lines.ACCEPT[0]).body
        items = lines.deserialize(io.BytesIO(body), JSON_LINES)
        np.testing.assert_allclose([item["projection"] for item in items], expected, rtol=1e-6)

    def test_its_record_client_gets_recordio(self, predictor: Predictor) -> None:
        base = pytest.importorskip("sagemaker.core.deserializers.base")
        recordio = pytest.importorskip("sagemaker.core.serializers.utils")

        reply = predictor.invoke(encode_features(np.array(ROWS)), RECORDIO, base.RecordDeserializer().ACCEPT[0])

        assert reply.content_type == RECORDIO
        assert len(list(recordio.read_recordio(io.BytesIO(reply.body)))) == len(ROWS)
