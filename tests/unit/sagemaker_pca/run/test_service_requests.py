from collections.abc import Callable
from typing import Any

import pytest

from sagemaker_pca.hooks.service_shapes import document_problems, service_model, shape_problems
from sagemaker_pca.run import service_requests, transform_requests
from sagemaker_pca.run.attempts import attempt_names, fingerprint, for_attempt, with_tags
from sagemaker_pca.run.locations import profile_job_name, run_name
from sagemaker_pca.run.plan import RunPlan, TransformPlan, tag_value
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig
from tests.run_plans import DAG_ID, DEPLOYMENT_ID, INPUTS, RUN_ID, plan_of

CREATE: dict[str, tuple[str, Callable[[RunPlan], dict[str, Any]]]] = {
    "CreateProcessingJob": ("ProcessingJobName", lambda plan: service_requests.processing_job(plan, INPUTS)),
    "CreateTrainingJob": (
        "TrainingJobName",
        lambda plan: service_requests.training_job(plan, "s3://bucket/features/", 3, 200),
    ),
    "CreateModel": ("ModelName", lambda plan: service_requests.model(plan, "s3://bucket/training/model.tar.gz")),
    "CreateEndpointConfig": ("EndpointConfigName", lambda plan: service_requests.endpoint_config(plan, plan.run_name)),
    "CreateEndpoint": ("EndpointName", lambda plan: service_requests.endpoint(plan, plan.run_name)),
}
PROFILE_URI = "s3://bucket/runs/x/stats/x-profile/"
PROCESSING: dict[str, Callable[[RunPlan], dict[str, Any]]] = {
    "one job": lambda plan: service_requests.processing_job(plan, INPUTS),
    "profile": lambda plan: service_requests.profile_job(plan, INPUTS),
    "after a profile": lambda plan: service_requests.processing_job(plan, INPUTS, PROFILE_URI),
}
OPERATIONS = pytest.mark.parametrize("operation", CREATE)
BLUE_GREEN = {
    "BlueGreenUpdatePolicy": {
        "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
        "TerminationWaitInSeconds": 0,
    }
}
FULL: dict[str, Any] = {
    "bucket": "bucket",
    "feature_columns": [f"column {number}, {'x' * 40}" for number in range(2000)],
    "num_components": 50,
    "processing_role": "arn:aws:iam::123456789012:role/service-role/jobs",
    "processing_instance_count": 3,
    "training_instance_count": 2,
    "feature_format": "recordio",
    "algorithm_mode": "randomized",
    "extra_components": 10,
    "subtract_mean": False,
    "deployment_config": BLUE_GREEN,
    "endpoint_name": "e" * 63,
    "owner": "team data+science/ecg @ home",
    "expires_after_days": 30,
    "max_runtime_seconds": 432_000,
    "processing_volume_gb": 16_384,
    "vpc_config": {"Subnets": ["subnet-0a1b2c3d", "subnet-4e5f6071"], "SecurityGroupIds": ["sg-0123456789abcdef0"]},
}


def complaints(operation: str, request: dict[str, Any]) -> list[str]:
    """What the service would refuse about a request, before it looks at anything else."""
    return list(shape_problems(service_model().operation_model(operation).input_shape, request, operation))


def request_of(operation: str, plan: RunPlan) -> dict[str, Any]:
    return CREATE[operation][1](plan)


@OPERATIONS
@pytest.mark.parametrize("settings", [{}, FULL], ids=["defaults", "every option"])
def test_the_service_takes_the_request(operation: str, settings: dict[str, Any]) -> None:
    assert complaints(operation, request_of(operation, plan_of(**settings))) == []


@OPERATIONS
@pytest.mark.parametrize(
    ("dag_id", "run_id"),
    [("d" * 250, "r" * 250), ("日本.ä", "scheduled__2024-01-02T03:04:05+00:00"), ("d", "a~b:c+d.e_f-")],
)
def test_the_service_takes_the_request_of_any_run(operation: str, dag_id: str, run_id: str) -> None:
    assert complaints(operation, request_of(operation, plan_of(dag_id, run_id))) == []


@pytest.mark.parametrize("kind", PROCESSING)
@pytest.mark.parametrize("settings", [{}, FULL], ids=["defaults", "every option"])
def test_the_service_takes_every_kind_of_processing_job(kind: str, settings: dict[str, Any]) -> None:
    request = PROCESSING[kind](plan_of("d" * 250, "r" * 250, **settings))
    *_, (_, last) = attempt_names(request["ProcessingJobName"])
    tagged = with_tags(request, {"request-fingerprint": fingerprint(request)})
    assert complaints("CreateProcessingJob", for_attempt(tagged, "ProcessingJobName", last)) == []


@OPERATIONS
def test_the_service_takes_the_last_attempt(operation: str) -> None:
    name_key, _ = CREATE[operation]
    request = request_of(operation, plan_of())
    *_, (_, last) = attempt_names(request[name_key])
    tagged = with_tags(request, {"request-fingerprint": fingerprint(request)})
    assert complaints(operation, for_attempt(tagged, name_key, last)) == []


@pytest.mark.parametrize("settings", [{}, {"deployment_config": BLUE_GREEN}])
def test_an_update_takes_what_create_takes_but_the_tags(settings: dict[str, Any]) -> None:
    request = service_requests.endpoint(plan_of(**settings), "config")
    assert complaints("UpdateEndpoint", {key: value for key, value in request.items() if key != "Tags"}) == []


@OPERATIONS
def test_everything_created_tells_who_made_it_for_which_run(operation: str) -> None:
    tags = {
        tag["Key"]: tag["Value"] for tag in request_of(operation, plan_of(owner="me", expires_after_days=1))["Tags"]
    }
    assert tags == {
        "managed-by": "sagemaker-pca",
        "deployment-id": DEPLOYMENT_ID,
        "bucket": "sagemaker-pca-us-east-1-123456789012",
        "dag-id": DAG_ID,
        "run-id": RUN_ID,
        "run-name": run_name(DEPLOYMENT_ID, DAG_ID, RUN_ID),
        "owner": "me",
        "expires-at": "2024-01-03T03:04:05+00:00",
    }


@pytest.mark.parametrize(
    ("operation", "where"),
    [("CreateProcessingJob", ["NetworkConfig"]), ("CreateTrainingJob", []), ("CreateModel", [])],
)
def test_jobs_and_endpoint_run_in_the_vpc_that_is_named(operation: str, where: list[str]) -> None:
    member: dict[str, Any] = request_of(operation, plan_of(**FULL))
    for name in where:
        member = member[name]
    assert member["VpcConfig"] == FULL["vpc_config"]
    assert not {"NetworkConfig", "VpcConfig"} & request_of(operation, plan_of()).keys()


def transform_plan_of(transform: dict[str, Any] | None = None, **settings: Any) -> TransformPlan:
    return TransformPlan(
        **plan_of("pca_batch_transform", **settings).model_dump(),
        transform=TransformConfig(**(transform or {})),
        model_name="chosen",
        artifact_uri="s3://bucket/training/model.tar.gz",
        card_uri="s3://bucket/runs/x/model_card.json",
    )


@pytest.mark.parametrize("settings", [{}, FULL], ids=["defaults", "every option"])
def test_the_service_takes_a_transform_and_its_model(settings: dict[str, Any]) -> None:
    plan = transform_plan_of(**settings)
    assert complaints("CreateModel", transform_requests.transform_model(plan)) == []
    job = transform_requests.transform_job(plan, "s3://bucket/features/", plan.run_name)
    assert complaints("CreateTransformJob", job) == []


def test_a_transform_reads_and_writes_under_the_role_of_jobs_with_the_chosen_models_artifact() -> None:
    plan = transform_plan_of()
    model = transform_requests.transform_model(plan)
    assert model["ExecutionRoleArn"] == plan.processing_role_arn != plan.serving_role_arn
    assert model["PrimaryContainer"] == {"Image": plan.pca_image, "ModelDataUrl": plan.artifact_uri}
    assert model["ModelName"] == plan.run_name != plan.model_name


WITH_MODEL = INPUTS.model_copy(update={"model_uri": "s3://bucket/runs/x/inputs/model-ef/"})
SCORED = {"output": "scored-parquet", "id_columns": ["patient, name"], "window_rows": 5000}


@pytest.mark.parametrize("transform", [{}, SCORED], ids=["projections", "scored"])
def test_the_service_takes_a_transforms_processing_job_which_gets_the_model(transform: dict[str, Any]) -> None:
    request = transform_requests.transform_processing_job(transform_plan_of(transform), WITH_MODEL)
    assert complaints("CreateProcessingJob", request) == []
    model = next(item for item in request["ProcessingInputs"] if item["InputName"] == "model")
    assert model["S3Input"]["S3Uri"] == WITH_MODEL.model_uri
    assert f"--model={model['S3Input']['LocalPath']}/model.npz" in request["AppSpecification"]["ContainerArguments"]
    outputs = [output["OutputName"] for output in request["ProcessingOutputConfig"]["Outputs"]]
    assert outputs == (["scores", "stats"] if transform else ["features", "stats"])


def test_only_scored_rows_have_ids_windows_and_a_format() -> None:
    plain = transform_requests.transform_arguments(transform_plan_of())
    assert plain == service_requests.script_arguments(transform_plan_of().config)
    scored = transform_requests.transform_arguments(transform_plan_of(SCORED))
    assert scored == [*plain, "--scores-format=parquet", "--window-rows=5000", '--id-columns="patient, name"']


def test_nothing_expires_unless_asked_for_and_the_tag_says_so() -> None:
    assert plan_of().tags["expires-at"] == "never"


def test_tag_values_hold_only_what_tags_may_hold() -> None:
    assert tag_value("a\tb\nc~d,e ä_1:/=+@-") == "a_b_c_d_e ä_1:/=+@-"
    assert len(tag_value("x" * 300)) == 256


@pytest.mark.parametrize(
    ("role", "arn"),
    [
        ("jobs", "arn:aws:iam::123456789012:role/jobs"),
        ("team/jobs", "arn:aws:iam::123456789012:role/team/jobs"),
        ("arn:aws-cn:iam::123456789012:role/jobs", "arn:aws-cn:iam::123456789012:role/jobs"),
    ],
)
def test_roles_are_given_by_name_or_arn(role: str, arn: str) -> None:
    plan = plan_of(processing_role=role, serving_role=role)
    assert request_of("CreateProcessingJob", plan)["RoleArn"] == arn
    assert request_of("CreateTrainingJob", plan)["RoleArn"] == arn
    assert request_of("CreateModel", plan)["ExecutionRoleArn"] == arn


def test_no_request_argument_grows_with_the_number_of_columns() -> None:
    few, many = (
        request_of("CreateProcessingJob", plan_of(feature_columns=[f"c{n}" for n in range(count)]))
        for count in (4, 10_000)
    )
    assert few["AppSpecification"] == many["AppSpecification"]


def test_script_arguments_are_one_a_line() -> None:
    config = PcaRunConfig(feature_columns=("a", 'left, "V1"'), num_components=1, delimiter="\t")
    arguments = service_requests.script_arguments(config)
    assert arguments[:2] == ['--feature-columns=a,"left, ""V1"""', "--delimiter=\t"]
    assert all(len(argument.splitlines()) == 1 for argument in arguments)


def test_features_carry_no_label() -> None:
    csv, recordio = (
        request_of("CreateTrainingJob", plan_of(feature_format=name))["InputDataConfig"][0]["ContentType"]
        for name in ("csv", "recordio")
    )
    assert (csv, recordio) == ("text/csv;label_size=0", "application/x-recordio-protobuf")


def test_hyperparameters_are_those_of_the_original_pipeline() -> None:
    assert request_of("CreateTrainingJob", plan_of())["HyperParameters"] == {
        "feature_dim": "4",
        "num_components": "3",
        "mini_batch_size": "200",
        "algorithm_mode": "regular",
        "subtract_mean": "true",
    }


def test_the_randomized_sketch_has_its_size_only_where_it_is_used() -> None:
    parameters = request_of("CreateTrainingJob", plan_of(algorithm_mode="randomized", extra_components=7))
    assert parameters["HyperParameters"]["extra_components"] == "7"


@pytest.mark.parametrize(("hosts", "distribution"), [(1, "FullyReplicated"), (2, "ShardedByS3Key")])
def test_several_hosts_share_the_rows_out(hosts: int, distribution: str) -> None:
    plan = plan_of(processing_instance_count=hosts, training_instance_count=hosts)
    code, raw = request_of("CreateProcessingJob", plan)["ProcessingInputs"]
    train = request_of("CreateTrainingJob", plan)["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    assert code["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert raw["S3Input"]["S3DataDistributionType"] == train["S3DataDistributionType"] == distribution


def test_a_second_attempt_writes_features_where_the_run_looks_for_them() -> None:
    plan = plan_of()
    second = for_attempt(request_of("CreateProcessingJob", plan), "ProcessingJobName", f"{plan.run_name}-2")
    features, stats = (output["S3Output"]["S3Uri"] for output in second["ProcessingOutputConfig"]["Outputs"])
    assert features == plan.files.features_uri(f"{plan.run_name}-2")
    assert stats == plan.files.stats_uri(f"{plan.run_name}-2")


def test_a_profile_writes_moments_and_no_features() -> None:
    plan = plan_of(processing_instance_count=2, scaling="standardize")
    request = service_requests.profile_job(plan, INPUTS)
    second = for_attempt(request, "ProcessingJobName", f"{request['ProcessingJobName']}-2")
    (stats,) = second["ProcessingOutputConfig"]["Outputs"]
    assert stats["S3Output"]["S3Uri"] == plan.files.stats_uri(f"{profile_job_name(plan.run_name)}-2")
    assert "--profile-only" in request["AppSpecification"]["ContainerArguments"]


def test_every_host_reads_the_whole_profile_and_its_own_raw_files_again() -> None:
    plan = plan_of(processing_instance_count=2, scaling="standardize")
    before, after = (PROCESSING[kind](plan) for kind in ("profile", "after a profile"))
    code, raw, profile = after["ProcessingInputs"]
    assert [code, raw] == before["ProcessingInputs"]
    assert profile["S3Input"]["S3Uri"] == PROFILE_URI
    assert profile["S3Input"]["S3DataDistributionType"] == "FullyReplicated"
    assert f"--moments-dir={profile['S3Input']['LocalPath']}" in after["AppSpecification"]["ContainerArguments"]


def test_another_profile_is_another_request() -> None:
    asked = [service_requests.processing_job(plan_of(), INPUTS, uri) for uri in (None, "s3://b/p/", "s3://b/p-2/")]
    assert len(set(map(fingerprint, asked))) == 3


def test_a_second_training_reads_the_features_of_the_first_processing_job() -> None:
    plan = plan_of()
    request = service_requests.training_job(plan, plan.files.features_uri(plan.run_name), 3, 200)
    second = for_attempt(request, "TrainingJobName", f"{plan.run_name}-2")
    assert second["InputDataConfig"] == request["InputDataConfig"]


def test_the_plan_survives_xcom() -> None:
    plan = plan_of(**FULL)
    assert RunPlan.model_validate(plan.model_dump(mode="json")) == plan


def test_alarms_guard_a_deployment_of_the_users_or_one_that_waits_for_them() -> None:
    alarms = {"Alarms": [{"AlarmName": "errors"}, {"AlarmName": "latency"}]}
    rolling = {
        "RollingUpdatePolicy": {"MaximumBatchSize": {"Type": "INSTANCE_COUNT", "Value": 1}, "WaitIntervalInSeconds": 60}
    }
    names = ["errors", "latency"]
    users = service_requests.endpoint(plan_of(roll_back_alarms=names, deployment_config=rolling), "c")
    ours = service_requests.endpoint(plan_of(roll_back_alarms=names), "c")
    assert users["DeploymentConfig"] == {**rolling, "AutoRollbackConfiguration": alarms}
    assert ours["DeploymentConfig"]["AutoRollbackConfiguration"] == alarms
    assert ours["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 300
    for request in (users, ours):
        assert document_problems("CreateEndpointInput", request, "request") == []
    assert "DeploymentConfig" not in service_requests.endpoint(plan_of(), "c")
