import json
import math
import re
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.csv
import pytest
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.__main__ import main
from sagemaker_local.pca_algorithm.ndarray_file import read_arrays
from sagemaker_local.pca_algorithm.recordio import encode_features
from tests.unit.sagemaker_local.pca_algorithm.conftest import CSV, Container

RECORDIO = "application/x-recordio-protobuf"
REPOSITORY = Path(__file__).parents[4]
GOLDEN_MODEL = REPOSITORY / "tests" / "data" / "golden_model_algo-1"
ECG = REPOSITORY / ".." / "shared" / "data" / "ptb_s0010_re.csv.gz"
FIVE = {"feature_dim": 5, "num_components": 3, "mini_batch_size": 20}

Rows = NDArray[np.float64]
NewContainer = Callable[[str], Container]


def singular_values(rows: Rows, k: int) -> Rows:
    return np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)[:k][::-1]


def test_the_golden_input_gives_the_model_of_the_golden_file(container: Container) -> None:
    content = GOLDEN_MODEL.with_name("golden_model_input.csv").read_bytes()

    assert container.configure(FIVE).put(content).train() == 0

    golden = read_arrays(GOLDEN_MODEL.read_bytes())
    assert list(container.model) == ["s", "v", "mean"]
    for name, array in container.model.items():
        assert array.dtype == np.float32
        assert array.shape == golden[name].shape
        np.testing.assert_allclose(array, golden[name], rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(not ECG.exists(), reason="the ECG recording is not part of the repository")
def test_a_real_twelve_lead_ecg_has_the_singular_values_of_its_eight_independent_leads(container: Container) -> None:
    table = pyarrow.csv.read_csv(ECG).drop_columns(["Real Time"])
    rows = np.column_stack([column.to_numpy() for column in table.columns])

    container.configure({"feature_dim": 12, "num_components": 12, "mini_batch_size": 500}).put_csv(rows)
    assert container.train() == 0

    expected = [0.0296, 0.0298, 0.0303, 0.0375, 2.120, 2.739, 6.907, 16.20, 35.92, 55.91, 70.35, 91.59]
    np.testing.assert_allclose(container.model["s"], expected, rtol=2e-3)
    np.testing.assert_allclose(container.model["s"], singular_values(rows, 12), rtol=1e-5)


@pytest.mark.parametrize("content_type", [RECORDIO, "application/x-labeled-vector-protobuf", "protobuf", None])
def test_recordio_is_read_under_each_of_its_names_and_without_any(
    container: Container, rows: Rows, content_type: str | None
) -> None:
    channel = {"TrainingInputMode": "Pipe"} | ({"ContentType": content_type} if content_type else {})

    assert container.configure(FIVE, {"train": channel}).put_recordio(rows.astype(np.float32)).train() == 0

    np.testing.assert_allclose(container.model["s"], singular_values(rows, 3), rtol=1e-5)


def test_plain_csv_loses_its_first_column_to_the_label(container: Container, rows: Rows) -> None:
    labelled = np.column_stack([np.arange(len(rows)), rows])

    assert container.configure(FIVE, {"train": {"ContentType": "text/csv"}}).put_csv(labelled).train() == 0

    np.testing.assert_allclose(container.model["s"], singular_values(rows, 3), rtol=1e-5)


def test_all_files_of_a_channel_are_read_whatever_their_folder(container: Container, rows: Rows) -> None:
    container.configure(FIVE).put_csv(rows[:25], "a/b/part-0.csv").put_csv(rows[25:], "part-1.csv").put(b"", "_SUCCESS")

    assert container.train() == 0

    np.testing.assert_allclose(container.model["s"], singular_values(rows, 3), rtol=1e-5)


def test_without_subtracting_the_mean_the_model_has_none(container: Container, rows: Rows) -> None:
    assert container.configure(FIVE | {"subtract_mean": "false"}).put_csv(rows).train() == 0

    assert list(container.model) == ["s", "v"]
    np.testing.assert_allclose(container.model["s"], np.linalg.svd(rows, compute_uv=False)[:3][::-1], rtol=1e-5)


def test_randomized_mode_finds_the_leading_component(container: Container, rows: Rows) -> None:
    spread = rows - rows.mean(axis=0)
    leading = np.linalg.svd(spread)[2][0]
    stretched = rows + 50 * np.outer(spread @ leading, leading)

    mode = {"algorithm_mode": "randomized", "extra_components": 40}
    assert container.configure(FIVE | mode).put_csv(stretched).train() == 0

    assert container.model["v"].shape == (5, 3)
    assert abs(container.model["v"][:, -1] @ leading) > 0.999


class TestHosts:
    def train_on(self, containers: dict[str, Container], hyperparameters: dict[str, int]) -> None:
        hosts = tuple(sorted(containers))
        for host in reversed(hosts):  # the leader comes last and finds what the others left
            container = containers[host].configure(hyperparameters, host=host, hosts=hosts)
            assert container.train() == 0

    def test_sharded_hosts_give_the_model_of_one_host(self, new_container: NewContainer, rows: Rows) -> None:
        single = new_container("single").configure(FIVE).put_csv(rows)
        assert single.train() == 0
        containers = {f"algo-{number}": new_container(f"algo-{number}") for number in range(1, 4)}
        for container, part in zip(containers.values(), np.array_split(rows, 3), strict=True):
            container.put_csv(part)

        self.train_on(containers, FIVE)

        leader = containers["algo-1"]
        for name, array in single.model.items():
            np.testing.assert_allclose(leader.model[name], array, rtol=1e-6, atol=1e-7)
        assert [host for host, container in containers.items() if container.model_path.exists()] == ["algo-1"]

    def test_replicated_hosts_see_the_rows_twice(self, new_container: NewContainer, rows: Rows) -> None:
        containers = {host: new_container(host).put_csv(rows) for host in ("algo-1", "algo-2")}

        self.train_on(containers, FIVE)

        model = containers["algo-1"].model
        np.testing.assert_allclose(model["s"], math.sqrt(2) * singular_values(rows, 3), rtol=1e-5)
        np.testing.assert_allclose(model["mean"][0], rows.mean(axis=0), rtol=1e-6)

    @pytest.mark.parametrize("idle", ["algo-1", "algo-2"])
    def test_a_host_without_files_is_idle(self, new_container: NewContainer, rows: Rows, idle: str) -> None:
        containers = {host: new_container(host) for host in ("algo-1", "algo-2")}
        containers["algo-2" if idle == "algo-1" else "algo-1"].put_csv(rows)

        self.train_on(containers, FIVE)

        np.testing.assert_allclose(containers["algo-1"].model["s"], singular_values(rows, 3), rtol=1e-5)

    def test_the_leader_waits_for_a_slow_host(self, new_container: NewContainer, rows: Rows) -> None:
        leader, slow = new_container("algo-1").put_csv(rows), new_container("algo-2").put_csv(rows)
        for host, container in (("algo-1", leader), ("algo-2", slow)):
            container.configure(FIVE, host=host, hosts=("algo-1", "algo-2"))
        codes: list[int] = []
        waiting = threading.Thread(target=lambda: codes.append(leader.train()))
        waiting.start()
        waiting.join(0.1)

        assert slow.train() == 0
        waiting.join(timeout=60)

        assert codes == [0]

    def test_the_failure_of_a_host_becomes_that_of_the_leader(self, new_container: NewContainer, rows: Rows) -> None:
        leader, broken = new_container("algo-1").put_csv(rows), new_container("algo-2").put(b"Ch5,Ch6\n")
        for host, container in (("algo-1", leader), ("algo-2", broken)):
            container.configure(FIVE, host=host, hosts=("algo-1", "algo-2"))

        assert broken.train() == 2
        assert leader.train() == 2

        assert leader.failure == broken.failure
        assert not leader.model_path.exists()

    def test_no_rows_on_any_host_is_the_customers_error(self, new_container: NewContainer) -> None:
        leader, peer = new_container("algo-1"), new_container("algo-2")
        for host, container in (("algo-2", peer), ("algo-1", leader)):
            code = container.configure(FIVE, host=host, hosts=("algo-1", "algo-2")).train()

        assert code == 2
        assert "No records were found" in leader.failure


UNREADABLE = "Customer Error: Unable to read data channel 'train'. "
VERIFY = f"Requested content-type is '{CSV}'. Please verify the data matches the requested content-type."


class TestFailures:
    @pytest.mark.parametrize(
        ("content", "failure"),
        [
            pytest.param(b"1,2,3,4,\n" * 30, UNREADABLE + "Found missing (NaN) values.", id="empty-cell"),
            pytest.param(b"1,2,3,4,nan\n" * 30, UNREADABLE + "Found missing (NaN) values.", id="nan"),
            pytest.param(b"1,2,3,4,inf\n" * 30, UNREADABLE + "Found infinite floating point values.", id="infinite"),
            pytest.param(b"a,b,c,d,e\n1,2,3,4,5\n", UNREADABLE + VERIFY, id="header"),
            pytest.param(b"1,2,3,4\n" * 30, UNREADABLE + VERIFY, id="missing-column"),
            pytest.param(b"1,2,3,4,5\n1,2,3\n", UNREADABLE + VERIFY, id="ragged"),
            pytest.param(b"1,2,3,4,5\n" * 300_000 + b"1,2,3,4\n", UNREADABLE + VERIFY, id="ragged-far-behind"),
            pytest.param(encode_features(np.ones((30, 5))), UNREADABLE + VERIFY, id="recordio-as-csv"),
            pytest.param(b"\n\n", UNREADABLE + "No records were found", id="blank"),
            pytest.param(
                b"1,2,3,4,5\n" * 19,
                "Customer Error: mini_batch_size (20) must not be greater than the number of records per instance (19)",
                id="fewer-rows-than-a-batch",
            ),
        ],
    )
    def test_bad_csv_is_the_customers_error(self, container: Container, content: bytes, failure: str) -> None:
        assert container.configure(FIVE).put(content).train() == 2

        assert container.failure.startswith(failure)
        assert not container.model_path.exists()

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"1,2,3,4,5\n" * 30, id="csv"),
            pytest.param(encode_features(np.ones((30, 4))), id="width"),
            pytest.param(encode_features(np.ones((30, 5)))[:-3], id="truncated"),
            pytest.param(struct.pack("<II", 0xCED7230A, 8) + b"\xff" * 8, id="garbage"),
        ],
    )
    @pytest.mark.parametrize(
        ("content_type", "advice"),
        [
            (RECORDIO, f"Requested content-type is '{RECORDIO}'. Please verify the data matches"),
            ("", "Please verify the correct data channel configuration is provided."),
        ],
    )
    def test_bad_recordio_is_the_customers_error(
        self, container: Container, content: bytes, content_type: str, advice: str
    ) -> None:
        channel = {"ContentType": content_type} if content_type else {}

        assert container.configure(FIVE, {"train": channel}).put(content).train() == 2

        assert container.failure.startswith(UNREADABLE + advice)
        assert "(caused by ValueError)\n\nCaused by: " in container.failure

    @pytest.mark.parametrize(("value", "words"), [(np.nan, "missing (NaN)"), (np.inf, "infinite floating point")])
    def test_records_that_are_not_finite_are_the_customers_error(
        self, container: Container, rows: Rows, value: float, words: str
    ) -> None:
        rows[17, 2] = value

        assert container.configure(FIVE, {"train": {}}).put_recordio(rows).train() == 2

        assert container.failure.startswith(f"{UNREADABLE}Found {words} values.")

    @pytest.mark.parametrize(
        ("channels", "failure"),
        [
            ({}, "Missing required channel: train"),
            ({"test": {}}, "Missing required channel: train"),
            ({"train": {}, "validation": {}}, "Extraneous channel found: validation"),
            (
                {"train": {"ContentType": "text/libsvm"}},
                'Channel configuration for \'train\' channel is not supported: {"ContentType": "text/libsvm"}',
            ),
            (
                {"train": {"RecordWrapperType": "RecordIO"}},
                'Channel configuration for \'train\' channel is not supported: {"RecordWrapperType": "RecordIO"}',
            ),
            (
                {"train": {"ContentType": "text/csv;label_size=first"}},
                "Unable to read data channel 'train'. Requested content-type is 'text/csv;label_size=first'.",
            ),
        ],
    )
    def test_channels_that_the_algorithm_does_not_know_are_the_customers_error(
        self, container: Container, rows: Rows, channels: dict[str, dict[str, str]], failure: str
    ) -> None:
        assert container.configure(FIVE, channels).put_csv(rows).train() == 2

        assert container.failure.startswith(f"Customer Error: {failure}")

    def test_bad_hyperparameters_are_the_customers_error(self, container: Container, rows: Rows) -> None:
        assert container.configure(FIVE | {"num_components": 6}).put_csv(rows).train() == 2

        assert container.failure == "Customer Error: Hyperparameter num_components: 6 is not in (0, feature_dim=5]"

    def test_a_missing_configuration_is_the_platforms_error(self, container: Container) -> None:
        assert container.train() == 3

        assert container.failure.startswith("Platform Error: Unable to read /opt/ml/input/config/resourceconfig.json.")

    def test_several_hosts_without_a_place_to_meet_are_the_platforms_error(self, container: Container) -> None:
        container.configure(FIVE, hosts=("algo-1", "algo-2"))

        assert main(["train"], {"SAGEMAKER_DATA_PATH": str(container.root)}) == 3

        assert "SAGEMAKER_LOCAL_EXCHANGE_DIR is not set" in container.failure

    def test_what_nobody_foresaw_is_the_algorithms_error(self, container: Container, rows: Rows) -> None:
        container.configure(FIVE).put_csv(rows)
        (container.root / "model").write_text("a file where a directory belongs")

        assert container.train() == 1

        assert container.failure.startswith("Algorithm Error: Unexpected error (caused by FileExistsError)")


class TestLog:
    def lines(self, container: Container, capsys: pytest.CaptureFixture[str]) -> list[str]:
        assert container.train() == 0
        return capsys.readouterr().out.splitlines()

    def test_lines_come_in_the_order_of_the_real_log(
        self, container: Container, rows: Rows, capsys: pytest.CaptureFixture[str]
    ) -> None:
        lines = self.lines(container.configure(FIVE).put_csv(rows), capsys)

        stamp = r"\[\d\d/\d\d/\d{4} \d\d:\d\d:\d\d INFO \d+\] "
        golden = [
            r"Docker entrypoint called with argument\(s\): train",
            "Running default environment configuration script",
            stamp + "Reading default configuration from .*default-conf.json: {.*}",
            stamp + "Reading provided configuration from /opt/ml/input/config/hyperparameters.json: {.*}",
            stamp + "Final configuration: {.*}",
            stamp + "Create Store: dist_sync",
            '#metrics {.*"initialize.time".*}',
            '#metrics {.*"Meta": "init_train_data_iter".*}',
            stamp + r"5 feature\(s\) found in 'data'\.",
            r"\[.*\] \[tensorio\] \[info\] epoch_stats={.*}",
            '#metrics {.*"epochs.time".*}',
            stamp + "#progress_metric: host=algo-1, completed 100 % of epochs",
            '#metrics {.*"Meta": "training_data_iter".*"epoch": 0.*}',
            stamp + r"#throughput_metric: host=algo-1, train throughput=\d+\.\d+ records/second",
            '#metrics {.*"finalize.time".*}',
            stamp + r"Test data is not provided\.",
            '#metrics {.*"setuptime".*"totaltime".*}',
        ]
        assert len(lines) == len(golden)
        for pattern, line in zip(golden, lines, strict=True):
            assert re.fullmatch(pattern, line)

    def test_metrics_count_batches_records_and_bytes_as_the_real_log_does(
        self, container: Container, capsys: pytest.CaptureFixture[str]
    ) -> None:
        hyperparameters = {"feature_dim": 34, "num_components": 3, "mini_batch_size": 500}
        records = np.random.default_rng(0).normal(size=(3218, 34)).astype(np.float32)

        lines = self.lines(container.configure(hyperparameters, {"train": {}}).put_recordio(records), capsys)

        (stats,) = (json.loads(line.partition("epoch_stats=")[2]) for line in lines if "epoch_stats=" in line)
        assert (stats["num_examples"], stats["num_bytes"]) == (7, 527752)
        (document,) = (json.loads(line[9:]) for line in lines if '"training_data_iter"' in line)
        assert document["Metrics"]["Total Records Seen"] == {"count": 1, "max": 3218, "sum": 3218, "min": 3218}
        assert document["Dimensions"] == {
            "Host": "algo-1",
            "Operation": "training",
            "Algorithm": "PCA",
            "Meta": "training_data_iter",
            "epoch": 0,
        }

    def test_the_test_channel_is_scored_by_its_distance_from_the_components(
        self, container: Container, rows: Rows, capsys: pytest.CaptureFixture[str]
    ) -> None:
        channels = {"train": {"ContentType": CSV}, "test": {"ContentType": CSV}}
        container.configure(FIVE, channels).put_csv(rows[:40]).put_csv(rows[40:], channel="test")

        lines = self.lines(container, capsys)

        centred = rows[40:] - container.model["mean"]
        components = container.model["v"]
        expected = np.square(centred - centred @ components @ components.T).sum() / 20
        (score,) = (line for line in lines if "#quality_metric" in line)
        assert "host=algo-1, test msd <loss>=" in score
        assert float(score.rpartition("=")[2]) == pytest.approx(expected, rel=1e-3)

    def test_a_test_channel_that_is_not_finite_is_the_customers_error(self, container: Container, rows: Rows) -> None:
        channels = {"train": {"ContentType": CSV}, "test": {"ContentType": CSV}}
        container.configure(FIVE, channels).put_csv(rows).put(b"1,2,3,4,\n", channel="test")

        assert container.train() == 2

        assert container.failure.startswith("Customer Error: Unable to read data channel 'test'. Found missing (NaN)")
