"""The process: how it starts, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, wait_until
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

SLEEPER = "import os, time\nprint(os.getpid())\nprint('ready', flush=True)\ntime.sleep(600)"


def commands_that_mention(text: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_ended_server_leaves_no_job_process(tmp_path: Path, number: signal.Signals) -> None:
    with ServiceProcess({"TMPDIR": str(tmp_path)}) as service:
        aws = EmbeddedAws(service.url)
        name = aws.start_processing(SLEEPER, Environment={"MARK": "x"})
        aws.wait_for_log("/aws/sagemaker/ProcessingJobs", name, "ready")
        assert commands_that_mention(str(tmp_path))
        service.process.send_signal(number)
        service.process.wait(timeout=20)
        wait_until(lambda: commands_that_mention(str(tmp_path)), lambda found: not found, seconds=10)
        if number is not signal.SIGKILL:
            assert list(tmp_path.glob("sagemaker_local_*")) == []


def test_it_begins_with_the_buckets_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a-bucket" / "raw").mkdir(parents=True)
    (tmp_path / "a-bucket" / "raw" / "a.csv").write_bytes(b"1,2")
    (tmp_path / "an-empty-one").mkdir()
    (tmp_path / "a file").touch()
    with ServiceProcess(arguments=["--buckets", str(tmp_path)]) as service:
        s3 = EmbeddedAws(service.url).s3
        names = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}
        assert {"a-bucket", "an-empty-one"} <= names
        assert "a file" not in names
        assert s3.get_object(Bucket="a-bucket", Key="raw/a.csv")["Body"].read() == b"1,2"


def test_server_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = f"""
import os
from tests.service_process import ServiceProcess
service = ServiceProcess({{"TMPDIR": {str(tmp_path)!r}}}).__enter__()
print(service.process.pid, flush=True)
os._exit(1)
"""
    project = Path(__file__).parents[3]
    command = [sys.executable, "-c", script]
    starter = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False, timeout=60)
    server = int(starter.stdout)
    wait_until(lambda: is_running(server), lambda running: not running, seconds=20)


def is_running(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{process_id}/stat")
    return not (state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] == "Z")


def test_taken_port_is_told_in_a_sentence(sagemaker_local_url: str) -> None:
    port = sagemaker_local_url.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "sagemaker_local", "--port", port]
    attempt = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert attempt.returncode == 1
    assert f"cannot start on 127.0.0.1:{port}" in attempt.stderr
    assert "Traceback" not in attempt.stderr


def test_reset_ends_the_jobs_and_forgets_everything_at_once() -> None:
    with ServiceProcess() as service:
        aws = EmbeddedAws(service.url)
        name = aws.start_processing(SLEEPER)
        aws.wait_for_log("/aws/sagemaker/ProcessingJobs", name, "ready")
        started = time.monotonic()
        request = urllib.request.Request(f"{service.url}/moto-api/reset", method="POST")  # noqa: S310
        with urllib.request.urlopen(request, timeout=20):  # noqa: S310
            assert time.monotonic() - started < 5
        assert aws.sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []
        assert aws.s3.list_buckets()["Buckets"] == []


def test_several_services_at_once_do_not_disturb_each_other(sagemaker_local_url: str) -> None:
    first = EmbeddedAws(sagemaker_local_url)
    with ServiceProcess() as second:
        name = first.start_processing("print(1)")
        assert EmbeddedAws(second.url).sagemaker.list_processing_jobs()["ProcessingJobSummaries"] == []
        assert first.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"


def test_folder_of_the_jobs_can_be_chosen_and_is_left_empty(tmp_path: Path) -> None:
    folder = tmp_path / "data of jobs"
    with ServiceProcess(arguments=["--data-dir", str(folder)]) as service:
        aws = EmbeddedAws(service.url)
        name = aws.start_processing(SLEEPER)
        aws.wait_for_log("/aws/sagemaker/ProcessingJobs", name, "ready")
        assert list(folder.rglob("script.py"))
    assert list(folder.iterdir()) == []
