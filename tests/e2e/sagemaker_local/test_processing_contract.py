"""Processing jobs in depth: several hosts, sharding, manifests, limits, isolation."""

import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagemaker_local.container import private_mounts_available
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, s3_input, s3_output, unique_name, wait_until
from tests.no_namespaces import CALLS
from tests.service_process import ServiceProcess

pytestmark = pytest.mark.e2e

GROUP = "/aws/sagemaker/ProcessingJobs"
IN, OUT = "/opt/ml/processing/in", "/opt/ml/processing/out"
LIST_FILES = """
import json, pathlib
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
root = pathlib.Path("/opt/ml/processing/in")
files = sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())
pathlib.Path(f"/opt/ml/processing/out/{host}.json").write_text(json.dumps(files))
"""

needs_private_mounts = pytest.mark.skipif(
    not private_mounts_available(), reason="this platform has no private mount namespaces"
)


def files_per_host(aws: EmbeddedAws, instance_count: int, **source: str) -> list[list[str]]:
    uri = source.pop("uri", f"s3://{aws.bucket}/in/")
    name = aws.start_processing(
        LIST_FILES,
        instance_count=instance_count,
        inputs=[s3_input("in", uri, IN, **source)],
        outputs=[s3_output("out", f"s3://{aws.bucket}/out", OUT)],
    )
    job = aws.wait_for_processing(name)
    assert job["ProcessingJobStatus"] == "Completed", job
    return [json.loads(aws.get(f"s3://{aws.bucket}/out/algo-{n}.json")) for n in range(1, instance_count + 1)]


def test_sharded_objects_go_to_one_host_each_and_replicated_ones_to_all(aws: EmbeddedAws) -> None:
    for letter in "abcde":
        aws.put(f"in/{letter}.csv", letter)
    first, second = files_per_host(aws, 2, S3DataDistributionType="ShardedByS3Key")
    assert sorted(first + second) == ["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]
    assert min(len(first), len(second)) == 2
    everything = files_per_host(aws, 2, S3DataDistributionType="FullyReplicated")
    assert everything == [["a.csv", "b.csv", "c.csv", "d.csv", "e.csv"]] * 2


def test_more_hosts_than_objects_leaves_hosts_idle(aws: EmbeddedAws) -> None:
    aws.put("in/a.csv", "a")
    assert files_per_host(aws, 2, S3DataDistributionType="ShardedByS3Key") == [["a.csv"], []]


def test_manifest_names_the_objects(aws: EmbeddedAws) -> None:
    for key in ("x/a.csv", "x/deep/b.csv", "x/c.csv"):
        aws.put(key, "1")
    manifest = [{"prefix": f"s3://{aws.bucket}/x/"}, "a.csv", "deep/b.csv"]
    uri = aws.put("list.manifest", json.dumps(manifest))
    assert files_per_host(aws, 1, uri=uri, S3DataType="ManifestFile") == [["a.csv", "deep/b.csv"]]


def test_prefix_is_bytes_not_a_folder_and_one_object_keeps_its_name(aws: EmbeddedAws) -> None:
    for key in ("p/data/a.csv", "p/data-2/b.csv", "q/one.csv"):
        aws.put(key, "1")
    assert files_per_host(aws, 1, uri=f"s3://{aws.bucket}/p/data") == [["-2/b.csv", "a.csv"]]
    assert files_per_host(aws, 1, uri=f"s3://{aws.bucket}/q/one.csv") == [["one.csv"]]


@pytest.mark.parametrize("key", ["../../escape.csv", "a/../../../escape.csv"])
def test_key_that_would_leave_the_input_directory_fails_the_job(aws: EmbeddedAws, key: str) -> None:
    aws.put("safe.csv", "1")
    uri = aws.put("list.manifest", json.dumps([{"prefix": f"s3://{aws.bucket}/"}, key]))
    name = aws.start_processing("", inputs=[s3_input("in", uri, IN, S3DataType="ManifestFile")])
    job = aws.wait_for_processing(name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed")


def test_object_that_is_file_and_folder_at_once_fails_the_job(aws: EmbeddedAws) -> None:
    aws.put("in/a", "file")
    aws.put("in/a/b.csv", "in a folder of that name")
    name = aws.start_processing("", inputs=[s3_input("in", f"s3://{aws.bucket}/in/", IN)])
    assert "both a folder as well as a file" in aws.wait_for_processing(name)["FailureReason"]


def test_hosts_run_at_the_same_time_and_one_failing_fails_the_job(aws: EmbeddedAws) -> None:
    script = """
import json, sys, time
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
print(host, "starts", flush=True)
if host == "algo-2":
    time.sleep(3)
    sys.exit(5)
time.sleep(60)
"""
    started = time.monotonic()
    job = aws.wait_for_processing(aws.start_processing(script, instance_count=2))
    assert time.monotonic() - started < 30
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].endswith("exit code: 5")
    messages = aws.log_messages(GROUP, job["ProcessingJobName"])
    assert sorted(messages) == ["algo-1 starts", "algo-2 starts"]


def test_job_beyond_its_time_limit_is_stopped(aws: EmbeddedAws) -> None:
    script = "import time; print('on', flush=True); time.sleep(60)"
    name = aws.start_processing(script, StoppingCondition={"MaxRuntimeInSeconds": 1})
    job = aws.wait_for_processing(name, seconds=20)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert (job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds() >= 1


def test_continuous_output_is_uploaded_while_the_job_runs(aws: EmbeddedAws) -> None:
    script = """
import pathlib, time
pathlib.Path("/opt/ml/processing/out/early.txt").write_text("early")
time.sleep(60)
"""
    output = s3_output("out", f"s3://{aws.bucket}/live", OUT, mode="Continuous")
    name = aws.start_processing(script, outputs=[output])
    wait_until(lambda: aws.keys("live/"), lambda keys: keys == ["live/early.txt"], seconds=20)
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    aws.wait_for_processing(name)


def test_symbolic_links_are_not_uploaded(aws: EmbeddedAws) -> None:
    script = """
import os
open("/opt/ml/processing/out/real", "w").write("real")
os.symlink("/etc/passwd", "/opt/ml/processing/out/link")
os.symlink("/etc", "/opt/ml/processing/out/folder")
"""
    name = aws.start_processing(script, outputs=[s3_output("out", f"s3://{aws.bucket}/links", OUT)])
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
    assert aws.keys("links/") == ["links/real"]


def test_exit_message_is_cut_to_a_kilobyte_and_must_be_utf_8(aws: EmbeddedAws) -> None:
    write = "import pathlib; pathlib.Path('/opt/ml/output/message').write_bytes({!r})"
    long = aws.wait_for_processing(aws.start_processing(write.format("é".encode() * 1000)))
    assert long["ProcessingJobStatus"] == "Completed"
    assert long["ExitMessage"] == "é" * 512
    broken = aws.wait_for_processing(aws.start_processing(write.format(b"\xff\xfe")))
    assert broken["ProcessingJobStatus"] == "Failed"
    assert broken["FailureReason"].startswith("ClientError")


def test_job_that_has_ended_cannot_be_stopped(aws: EmbeddedAws) -> None:
    name = aws.start_processing("print(1)")
    aws.wait_for_processing(name)
    with pytest.raises(aws.sagemaker.exceptions.ClientError, match="is in status Completed"):
        aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"


def test_running_job_cannot_be_deleted(aws: EmbeddedAws) -> None:
    name = aws.start_processing("import time; time.sleep(60)")
    with pytest.raises(aws.sagemaker.exceptions.ResourceInUse):
        aws.sagemaker.delete_processing_job(ProcessingJobName=name)
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    aws.wait_for_processing(name)
    aws.sagemaker.delete_processing_job(ProcessingJobName=name)


@needs_private_mounts
def test_job_writes_to_its_own_root_only(aws: EmbeddedAws, tmp_path: Path) -> None:
    mark = unique_name("mark")
    script = f"""
import pathlib
for folder in ("/etc", "/opt", "/tmp", "/dev/shm", {str(Path(__file__).parent)!r}, {str(tmp_path)!r}):
    try:
        pathlib.Path(folder, {mark!r}).write_text("outside")
        print(folder, "written")
    except OSError as error:
        print(folder, "refused")
"""
    name = aws.start_processing(script)
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
    messages = aws.log_messages(GROUP, name)
    assert "/etc refused" in messages
    assert "/tmp written" in messages
    for folder in ("/etc", "/opt", "/tmp", "/dev/shm", str(Path(__file__).parent), str(tmp_path)):
        assert not Path(folder, mark).exists()


def test_background_process_that_a_script_leaves_behind_ends_with_the_job(aws: EmbeddedAws) -> None:
    mark = unique_name("sleeper")
    script = f"""
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", {mark!r}])
"""
    name = aws.start_processing(script)
    assert aws.wait_for_processing(name, seconds=20)["ProcessingJobStatus"] == "Completed"
    running = [path for path in Path("/proc").glob("[0-9]*/cmdline") if mark.encode() in read(path)]
    assert running == []


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


@pytest.fixture(scope="module")
def limited() -> Iterator[EmbeddedAws]:
    settings = {
        "SAGEMAKER_LOCAL_PRIVATE_MOUNTS": "0",
        "SAGEMAKER_LOCAL_MAX_CONCURRENT_JOBS": "1",
        "SAGEMAKER_LOCAL_JOB_MEMORY_BYTES": str(300 * 1024 * 1024),
        "SAGEMAKER_LOCAL_PROCESSING_STOP_GRACE_SECONDS": "0.5",
        "SAGEMAKER_LOCAL_JOB_STARTING_SECONDS": "0.2",
    }
    with ServiceProcess(settings) as service:
        yield EmbeddedAws(service.url)


@pytest.mark.skipif(platform.machine() not in CALLS, reason="knows the calls of x86_64 and aarch64 only")
@needs_private_mounts
def test_where_namespaces_are_refused_as_docker_does_a_job_runs_with_its_paths_rewritten() -> None:
    with ServiceProcess(namespaces=False) as service:
        aws = EmbeddedAws(service.url)
        aws.put("in/a.csv", "1,2")
        name = aws.start_processing(
            "import pathlib, sys; print(sys.argv[1]); print(pathlib.Path(sys.argv[1], 'a.csv').read_text())",
            arguments=[IN],
            inputs=[s3_input("in", f"s3://{aws.bucket}/in/", IN)],
        )
        assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
        path, content = aws.log_messages(GROUP, name)
        assert not path.startswith("/opt/ml")
        assert content == "1,2"


def test_without_mounts_paths_are_rewritten_in_arguments_and_environment(limited: EmbeddedAws) -> None:
    script = """
import os, pathlib, sys
assert not sys.argv[1].startswith("/opt/ml"), sys.argv
pathlib.Path(sys.argv[1], "result").write_text(pathlib.Path(os.environ["SOURCE"], "a.csv").read_text())
"""
    limited.put("in/a.csv", "1,2")
    name = limited.start_processing(
        script,
        arguments=[OUT],
        Environment={"SOURCE": IN},
        inputs=[s3_input("in", f"s3://{limited.bucket}/in/", IN)],
        outputs=[s3_output("out", f"s3://{limited.bucket}/out", OUT)],
    )
    assert limited.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
    assert limited.get(f"s3://{limited.bucket}/out/result") == b"1,2"


def test_without_mounts_a_hard_coded_path_fails_with_a_sentence_that_says_so(limited: EmbeddedAws) -> None:
    name = limited.start_processing("open('/opt/ml/processing/in/a.csv')")
    job = limited.wait_for_processing(name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert "no private mount namespaces" in job["FailureReason"]


def test_jobs_beyond_the_number_allowed_wait_and_can_be_stopped(limited: EmbeddedAws) -> None:
    first = limited.start_processing("import time; time.sleep(60)")
    wait_until(
        lambda: limited.sagemaker.describe_processing_job(ProcessingJobName=first),
        lambda job: "ProcessingStartTime" in job,
        seconds=10,
    )
    second = limited.start_processing("print(1)")
    time.sleep(0.5)
    waiting = limited.sagemaker.describe_processing_job(ProcessingJobName=second)
    assert waiting["ProcessingJobStatus"] == "InProgress"
    assert "ProcessingStartTime" not in waiting
    for name in (second, first):
        limited.sagemaker.stop_processing_job(ProcessingJobName=name)
        assert limited.wait_for_processing(name, seconds=10)["ProcessingJobStatus"] == "Stopped"


def test_script_that_ignores_sigterm_is_killed_after_the_grace(limited: EmbeddedAws) -> None:
    script = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready", flush=True)
time.sleep(60)
"""
    name = limited.start_processing(script)
    limited.wait_for_log(GROUP, name, "ready")
    limited.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert limited.wait_for_processing(name, seconds=10)["ProcessingJobStatus"] == "Stopped"


def test_memory_beyond_the_limit_fails_the_script_not_the_server(limited: EmbeddedAws) -> None:
    job = limited.wait_for_processing(limited.start_processing("x = bytearray(1024**3)"))
    assert job["ProcessingJobStatus"] == "Failed"
    assert any("MemoryError" in line for line in limited.log_messages(GROUP, job["ProcessingJobName"]))
