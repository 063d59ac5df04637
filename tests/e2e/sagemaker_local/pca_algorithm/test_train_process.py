"""Training as the platform starts it: real processes, real exit codes."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.recordio import encode_features
from tests.unit.sagemaker_local.pca_algorithm.conftest import CSV, Container

pytestmark = pytest.mark.e2e

REPOSITORY = Path(__file__).parents[4]
FIVE = {"feature_dim": 5, "num_components": 3, "mini_batch_size": 10}

Rows = NDArray[np.float64]


def start(container: Container, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sagemaker_local.pca_algorithm", *arguments],
        env=os.environ | container.environ | {"PYTHONPATH": str(REPOSITORY), "OPENBLAS_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_run_ends_with_code_0_a_model_and_the_log_on_standard_output(container: Container, rows: Rows) -> None:
    process = start(container.configure(FIVE).put_csv(rows), "train")
    output, errors = process.communicate(timeout=60)

    assert (process.returncode, errors) == (0, "")
    assert "#progress_metric: host=algo-1, completed 100 % of epochs" in output
    assert container.model["v"].shape == (5, 3)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param(b"Ch5,Ch6\n1,2\n", 2, id="header"),
        pytest.param(b"1,2,3,4,nan\n" * 20, 2, id="nan"),
        pytest.param(None, 3, id="no-configuration"),
    ],
)
def test_a_failure_ends_with_its_code_and_its_reason_in_the_failure_file(
    container: Container, content: bytes | None, code: int
) -> None:
    if content is not None:
        container.configure(FIVE).put(content)

    process = start(container, "train")
    _, errors = process.communicate(timeout=60)

    assert process.returncode == code
    assert container.failure == errors.strip()


def test_an_unknown_command_is_refused(container: Container) -> None:
    process = start(container, "serve")

    assert process.communicate(timeout=60) == ("", "Allowed arguments: train. Given: serve\n")
    assert process.returncode == 2


def test_three_hosts_at_once_make_the_model_of_one(new_container: Callable[[str], Container], rows: Rows) -> None:
    hosts = ("algo-1", "algo-2", "algo-3")
    containers = [
        new_container(host).configure(FIVE, host=host, hosts=hosts).put_csv(part)
        for host, part in zip(hosts, np.array_split(rows, 3), strict=True)
    ]
    single = new_container("single").configure(FIVE).put_csv(rows)

    processes = [start(container, "train") for container in [*containers, single]]

    assert [process.wait(timeout=120) for process in processes if process.communicate()] == [0, 0, 0, 0]
    for name, array in single.model.items():
        np.testing.assert_allclose(containers[0].model[name], array, rtol=1e-6, atol=1e-7)
    assert not any(container.model_path.exists() for container in containers[1:])


def test_training_does_not_load_pandas(container: Container, rows: Rows) -> None:
    container.configure(FIVE).put_csv(rows)
    program = (
        "import os, sys\n"
        "from sagemaker_local.pca_algorithm.__main__ import main\n"
        "code = main(['train'], os.environ)\n"
        "sys.exit(code or 'pandas' in sys.modules)"
    )
    environment = os.environ | container.environ
    assert subprocess.run([sys.executable, "-c", program], env=environment, cwd=REPOSITORY, timeout=60).returncode == 0


# ru_maxrss would do elsewhere, but begins at the size of the process that started this one.
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
@pytest.mark.parametrize(
    ("channel", "part"),
    [
        pytest.param({"ContentType": CSV}, b"1.5,2.25,3.125,4.0625,5.03125\n" * 100_000, id="csv"),
        pytest.param({}, encode_features(np.ones((100_000, 5))), id="recordio"),
    ],
)
def test_memory_does_not_grow_with_the_rows(
    new_container: Callable[[str], Container], channel: dict[str, str], part: bytes
) -> None:
    program = (
        "import os, re\n"
        "from sagemaker_local.pca_algorithm.__main__ import main\n"
        "assert main(['train'], os.environ) == 0\n"
        "print(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1])"
    )

    def peak_megabytes(parts: int) -> float:
        container = new_container(f"parts-{parts}").configure(FIVE, {"train": channel})
        for number in range(parts):
            container.put(part, f"part-{number}")
        environment = os.environ | container.environ | {"OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-c", program]
        run = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
        return int(run.stdout.splitlines()[-1]) / 1024

    few, many = 5, 40
    grown_by = (many - few) * len(part) / 2**20
    assert peak_megabytes(many) < peak_megabytes(few) + 0.25 * grown_by
