"""The process: how it starts, and that nothing of it stays."""

import os
import signal
import subprocess
import sys
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
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
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
