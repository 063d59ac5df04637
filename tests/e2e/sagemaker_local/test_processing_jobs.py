"""Processing jobs that really run."""

import json

import pytest
from botocore.exceptions import ClientError

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, s3_input, s3_output, unique_name

pytestmark = pytest.mark.e2e

GROUP = "/aws/sagemaker/ProcessingJobs"
COPY = """
import json, os, pathlib, shutil, sys
shutil.copytree("/opt/ml/processing/input/data", "/opt/ml/processing/output", dirs_exist_ok=True)
print("arguments", json.dumps(sys.argv[1:]), os.environ.get("COLOUR"))
"""


def test_script_reads_its_inputs_and_its_outputs_land_in_s3(aws: EmbeddedAws) -> None:
    aws.put("raw/a.csv", "1,2\n")
    aws.put("raw/deep/b.csv", "3,4\n")
    name = aws.start_processing(
        COPY,
        arguments=["--columns", "a,b"],
        Environment={"COLOUR": "blue"},
        inputs=[s3_input("data", f"s3://{aws.bucket}/raw/", "/opt/ml/processing/input/data")],
        outputs=[s3_output("out", f"s3://{aws.bucket}/copied", "/opt/ml/processing/output")],
    )
    job = aws.wait_for_processing(name)
    assert job["ProcessingJobStatus"] == "Completed"
    assert aws.keys("copied/") == ["copied/a.csv", "copied/deep/b.csv"]
    assert aws.get(f"s3://{aws.bucket}/copied/deep/b.csv") == b"3,4\n"
    assert 'arguments ["--columns", "a,b"] blue' in aws.log_messages(GROUP, name)


def test_container_finds_the_documented_configuration(aws: EmbeddedAws) -> None:
    script = """
import json
for name in ("processingjobconfig", "resourceconfig"):
    print(json.dumps(json.load(open(f"/opt/ml/config/{name}.json"))))
"""
    output = s3_output("out", f"s3://{aws.bucket}/out", "/opt/ml/processing/output")
    name = aws.start_processing(script, outputs=[output])
    arn = aws.wait_for_processing(name)["ProcessingJobArn"]
    job_config, resources = (json.loads(line) for line in aws.log_messages(GROUP, name))
    assert resources == {"current_host": "algo-1", "hosts": ["algo-1"]}
    assert job_config["ProcessingJobName"] == name
    assert job_config["ProcessingJobArn"] == arn
    assert job_config["Environment"] is None
    assert job_config["ProcessingResources"]["ClusterConfig"]["VolumeKmsKeyId"] is None
    assert job_config["ProcessingInputs"][0]["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert job_config["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_output_directories_exist_before_the_entry_point_runs(aws: EmbeddedAws) -> None:
    script = "open('/opt/ml/processing/results/deep/x', 'w').write('x')"
    output = s3_output("out", f"s3://{aws.bucket}/results", "/opt/ml/processing/results/deep")
    name = aws.start_processing(script, outputs=[output])
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
    assert aws.keys("results/") == ["results/x"]


def test_failing_script_fails_the_job_with_its_message_and_uploads_nothing(aws: EmbeddedAws) -> None:
    script = """
import pathlib, sys
pathlib.Path("/opt/ml/output/message").write_text("column b is missing")
pathlib.Path("/opt/ml/processing/output/half.csv").write_text("1")
print("going down")
sys.exit(3)
"""
    output = s3_output("out", f"s3://{aws.bucket}/failed", "/opt/ml/processing/output")
    name = aws.start_processing(script, outputs=[output])
    job = aws.wait_for_processing(name)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: See job logs for more information")
    assert job["ExitMessage"] == "column b is missing"
    assert aws.keys("failed/") == []
    assert "going down" in aws.log_messages(GROUP, name)


def test_missing_input_fails_the_job_and_names_it(aws: EmbeddedAws) -> None:
    missing = s3_input("data", f"s3://{aws.bucket}/nothing/", "/opt/ml/processing/input/data")
    job = aws.wait_for_processing(aws.start_processing(COPY, inputs=[missing]))
    assert job["ProcessingJobStatus"] == "Failed"
    assert f"s3://{aws.bucket}/nothing/" in job["FailureReason"]


def test_stopped_job_gets_sigterm_and_keeps_what_it_wrote(aws: EmbeddedAws) -> None:
    script = """
import pathlib, signal, sys, time
def stop(*_):
    pathlib.Path("/opt/ml/processing/output/saved").write_text("saved")
    pathlib.Path("/opt/ml/output/message").write_text("stopped in time")
    sys.exit(0)
signal.signal(signal.SIGTERM, stop)
print("ready")
time.sleep(60)
"""
    output = s3_output("out", f"s3://{aws.bucket}/stopped", "/opt/ml/processing/output")
    name = aws.start_processing(script, outputs=[output])
    aws.wait_for_log(GROUP, name, "ready")
    aws.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = aws.wait_for_processing(name, seconds=20)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert job["ExitMessage"] == "stopped in time"
    assert aws.keys("stopped/") == ["stopped/saved"]


def test_job_runs_with_the_identity_of_its_role(aws: EmbeddedAws) -> None:
    name = aws.start_processing("import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])")
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"
    assert aws.log_messages(GROUP, name) == ["arn:aws:sts::123456789012:assumed-role/pca-execution/SageMaker"]


def test_second_job_of_a_name_is_refused_until_the_first_is_deleted(aws: EmbeddedAws) -> None:
    name = aws.start_processing("print(1)")
    aws.wait_for_processing(name)
    with pytest.raises(ClientError, match="ResourceInUse") as error:
        aws.start_processing("print(2)", ProcessingJobName=name)
    assert f"processing-job/{name}" in str(error.value)
    aws.sagemaker.delete_processing_job(ProcessingJobName=name)
    aws.start_processing("print(2)", ProcessingJobName=name)
    assert aws.wait_for_processing(name)["ProcessingJobStatus"] == "Completed"


def test_image_that_cannot_run_is_refused_in_a_sentence(aws: EmbeddedAws) -> None:
    specification = {"ImageUri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/own:1", "ContainerEntrypoint": ["run"]}
    with pytest.raises(ClientError, match=r"cannot run the image .*/own:1 for a processing job"):
        aws.start_processing("", AppSpecification=specification)


def test_unknown_job_is_told_in_the_words_that_clients_look_for(aws: EmbeddedAws) -> None:
    name = unique_name("unknown")
    with pytest.raises(ClientError) as error:
        aws.sagemaker.describe_processing_job(ProcessingJobName=name)
    assert error.value.response["Error"]["Code"] == "ValidationException"
    assert error.value.response["Error"]["Message"].startswith(f"Could not find requested job with name: {name}")
