import json
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.moments import Moments

COLUMNS = ["Ch5", "Ch6", "Ch7"]
FloatArray = NDArray[np.float64]


def document(
    rows: FloatArray, host: str = "algo-1", hosts: tuple[str, ...] = ("algo-1",), **other: Any
) -> dict[str, Any]:
    """What a host writes about its rows, as it arrives: through JSON."""
    count = len(rows)
    values = {
        "schema_version": 1,
        "host": host,
        "hosts": list(hosts),
        "feature_columns": COLUMNS,
        "row_count": count,
        "mean": rows.mean(axis=0).tolist() if count else [0.0] * 3,
        "minimum": rows.min(axis=0).tolist() if count else [None] * 3,
        "maximum": rows.max(axis=0).tolist() if count else [None] * 3,
        "null_count": [1, 0, 2],
        "squared_deviations": (rows.var(axis=0) * count).tolist() if count else [0.0] * 3,
        "header": ["t", *COLUMNS],
        "files": [{"name": f"{host}.csv", "rows": count}],
        "parts": [],
        "dropped_rows": 0,
        "skipped_rows": 0,
        "bad_rows": [],
        "missing_values": "zero",
        "scaling": "none",
        "center": None,
        "scale": None,
    }
    loaded: dict[str, Any] = json.loads(json.dumps({**values, **other}))
    return loaded


def scatter(rows: FloatArray) -> FloatArray:
    centred = rows - rows.mean(axis=0)
    return np.asarray(centred.T @ centred)


def recording(rows: int = 1000, offset: float = 0.0) -> FloatArray:
    return np.random.default_rng(5).normal([1.0, -2.0, 300.0], [0.5, 2.0, 40.0], (rows, 3)) + offset


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_merged_hosts_equal_one_pass_over_all_rows(count: int, offset: float) -> None:
    rows = recording(offset=offset)
    hosts = tuple(f"algo-{number + 1}" for number in range(count))
    shards = dict(zip(hosts, np.split(rows, np.linspace(0, 1000, count + 1)[1:-1].astype(int) // 3), strict=True))
    merged = Moments.from_documents(
        [document(shard, host, hosts) for host, shard in shards.items()],
        {host: scatter(shard) for host, shard in shards.items()},
    )

    assert merged.row_count == 1000
    np.testing.assert_allclose(merged.mean, rows.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(merged.squared_deviations, rows.var(axis=0) * 1000, rtol=1e-10)
    assert merged.scatter is not None
    np.testing.assert_allclose(merged.scatter, scatter(rows), rtol=1e-10, atol=1e-6)
    np.testing.assert_array_equal(merged.minimum, rows.min(axis=0))
    np.testing.assert_array_equal(merged.maximum, rows.max(axis=0))
    np.testing.assert_array_equal(merged.null_count, [count, 0, 2 * count])


def test_a_host_without_input_changes_nothing() -> None:
    rows, hosts = recording(), ("algo-1", "algo-2")
    alone = Moments.from_documents([document(rows)], {"algo-1": scatter(rows)})
    empty = document(rows[:0], "algo-2", hosts, null_count=[0, 0, 0])
    merged = Moments.from_documents([empty, document(rows, "algo-1", hosts)], {"algo-1": scatter(rows)})

    for name in ("mean", "squared_deviations", "minimum", "maximum", "null_count", "scatter"):
        np.testing.assert_array_equal(getattr(merged, name), getattr(alone, name))


def test_derived_numbers_follow_their_definitions() -> None:
    rows = recording(rows=50)
    moments = Moments.from_documents([document(rows, dropped_rows=10)])

    assert moments.scatter is None
    assert moments.total_squared_deviations == pytest.approx(np.linalg.norm(rows - rows.mean(axis=0)) ** 2)
    assert moments.total_variance == pytest.approx(rows.var(axis=0, ddof=1).sum())
    np.testing.assert_allclose(moments.standard_deviations, rows.std(axis=0))
    np.testing.assert_allclose(moments.null_fraction, np.array([1, 0, 2]) / 60)


def test_what_standardizing_used_is_kept() -> None:
    used: dict[str, Any] = {"scaling": "standardize", "center": [1.0, 2.0, 3.0], "scale": [0.5, 1.0, 2.0]}
    moments = Moments.from_documents([document(recording(), **used)])
    assert moments.center is not None
    assert moments.scale is not None
    np.testing.assert_array_equal(moments.center, [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(moments.scale, [0.5, 1.0, 2.0])


def test_hosts_of_a_job_are_all_present_or_named() -> None:
    with pytest.raises(InputError, match="Moments of algo-2 are missing; found algo-1"):
        Moments.from_documents([document(recording(), hosts=("algo-1", "algo-2"))])
    with pytest.raises(InputError, match="No moments"):
        Moments.from_documents([])
    with pytest.raises(InputError, match="algo-1, algo-1"):
        Moments.from_documents([document(recording()), document(recording())])
    with pytest.raises(InputError, match="algo-7"):
        Moments.from_documents([document(recording()), document(recording(), "algo-7")])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("hosts", ["algo-1", "algo-2", "algo-2"]),
        ("feature_columns", ["Ch5", "Ch7", "Ch6"]),
        ("missing_values", "drop"),
        ("scale", [1.0, 1.0, 2.0]),
    ],
)
def test_hosts_that_disagree_are_refused(key: str, value: Any) -> None:
    hosts = ("algo-1", "algo-2")
    documents = [document(recording(), host, hosts) for host in hosts]
    documents[1][key] = value
    with pytest.raises(InputError, match=f"algo-1 and algo-2 disagree on {key}"):
        Moments.from_documents(documents)


def test_a_file_read_by_two_hosts_is_refused() -> None:
    hosts, same = ("algo-1", "algo-2"), [{"name": "a.csv", "rows": 1000}]
    with pytest.raises(InputError, match=r"both read a.csv.*ShardedByS3Key"):
        Moments.from_documents([document(recording(), host, hosts, files=same) for host in hosts])


def test_rows_of_nobody_are_refused() -> None:
    with pytest.raises(InputError, match=r"found no row.*dropped: 7"):
        Moments.from_documents([document(recording()[:0], dropped_rows=7)])


def test_documents_of_another_kind_are_refused() -> None:
    with pytest.raises(InputError, match="schema_version 2"):
        Moments.from_documents([document(recording(), schema_version=2)])
    with pytest.raises(InputError, match="profile job"):
        Moments.from_documents([document(recording(), profile_only=True)])
    with pytest.raises(InputError, match="2 numbers under mean for 3 columns"):
        Moments.from_documents([document(recording(), mean=[1.0, 2.0])])


def test_scatter_matrices_belong_to_their_documents() -> None:
    hosts, rows = ("algo-1", "algo-2"), recording()
    documents = [document(rows, host, hosts) for host in hosts]
    with pytest.raises(InputError, match=r"scatter-algo-2.npy is missing"):
        Moments.from_documents(documents, {"algo-1": scatter(rows)})
    with pytest.raises(InputError, match=r"\(2, 2\); 3 columns"):
        Moments.from_documents(documents, {"algo-1": np.eye(2), "algo-2": np.eye(3)})


def test_hosts_that_read_files_of_different_kinds_are_refused() -> None:
    hosts = ("algo-1", "algo-2", "algo-3")
    idle = document(recording(0), "algo-1", hosts, files=[], header=None)
    good, other = (document(recording(), host, hosts) for host in hosts[1:])
    assert Moments.from_documents([idle, good, other]).row_count == 2000
    other["header"] = ["t", "Ch5", "Ch7", "Ch6"]
    message = r"algo-3.csv has another header than algo-2.csv: column 3 is 'Ch7' there and 'Ch6' here\. Process files"
    with pytest.raises(InputError, match=message):
        Moments.from_documents([idle, good, other])
