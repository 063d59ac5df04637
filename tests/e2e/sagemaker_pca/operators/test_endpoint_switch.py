"""A stopped endpoint costs nothing and comes back as it was; what cannot come back is not stopped."""

import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
from airflow.sdk.exceptions import AirflowSkipException, TaskDeferred
from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.records import Lease, Promotion, StoppedEndpoint
from sagemaker_pca.exceptions import DeletionRefusedError, InputError, LeaseHeldError, SmokeTestError
from sagemaker_pca.operators.endpoint_switch import (
    EndpointSwitchOperator,
    SageMakerStartEndpointOperator,
    SageMakerStopEndpointOperator,
)
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws, artifact_bytes, unique_name
from tests.e2e.sagemaker_pca.conftest import PlanFault
from tests.e2e.sagemaker_pca.operators.test_deploy import tags_of
from tests.e2e.sagemaker_pca.running import run
from tests.run_plans import DEPLOYMENT_ID

pytestmark = pytest.mark.e2e

OWN = {"managed-by": "sagemaker-pca", "deployment-id": DEPLOYMENT_ID, "dag-id": "pca_pipeline", "owner": "team-a"}
STOP, START = SageMakerStopEndpointOperator, SageMakerStartEndpointOperator


class Served(NamedTuple):
    """An endpoint that a run of the pipeline promoted."""

    aws: EmbeddedAws
    name: str
    config_name: str
    artifact_key: str

    def switch(
        self, operator: type[EndpointSwitchOperator], run_id: str = "r", try_number: int = 4, **arguments: Any
    ) -> dict[str, Any]:
        """Stop or start it, in the last try of a task."""
        said: dict[str, Any] = {}
        ti = SimpleNamespace(
            dag_id="commands",
            run_id=run_id,
            try_number=try_number,
            max_tries=3,
            xcom_push=lambda key, value: said.update({key: value}),
        )
        switch = {"endpoint_name": self.name, "bucket": self.aws.bucket, "poll_seconds": 0.05}
        result: dict[str, Any] = run(operator(task_id="switch", switch=switch, **arguments), {"ti": ti})
        return result

    def answer(self) -> list[float]:
        body = self.aws.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.name, ContentType="text/csv", Accept="application/json", Body=b"3,4\n"
        )["Body"]
        (projected,) = json.loads(body.read())["projections"]
        numbers: list[float] = projected["projection"]
        return numbers

    @property
    def exists(self) -> bool:
        try:
            self.aws.sagemaker.describe_endpoint(EndpointName=self.name)
        except ClientError:
            return False
        return True

    def kept(self, name: str) -> dict[str, Any] | None:
        """What is kept of it in S3."""
        try:
            content = self.aws.get(f"s3://{self.aws.bucket}/endpoints/{self.name}/{name}.json")
        except ClientError:
            return None
        document: dict[str, Any] = json.loads(content)
        return document

    def put(self, name: str, document: Any) -> None:
        self.aws.put(f"endpoints/{self.name}/{name}.json", document.model_dump_json().encode())

    def promote(self, config_name: str) -> None:
        promotion = Promotion(
            run_name="run-1",
            fingerprint="",
            endpoint_name=self.name,
            endpoint_config_name=config_name,
            model_name=self.aws.sagemaker.describe_endpoint_config(EndpointConfigName=config_name)[
                "ProductionVariants"
            ][0]["ModelName"],
        )
        self.put("promoted", promotion)


Serve = Callable[..., Served]


@pytest.fixture
def serve(aws: EmbeddedAws) -> Serve:
    def make(**tags: str) -> Served:
        key = f"{unique_name('model')}/model.tar.gz"
        uri = aws.put(key, artifact_bytes(np.array([1.0, 2.0]), np.array([[0.6, 0.8], [-0.8, 0.6]]), np.ones(2)))
        config_name, name = aws.create_endpoint_config(aws.create_model(uri)), unique_name("endpoint")
        given = [{"Key": tag, "Value": value} for tag, value in {**OWN, **tags}.items()]
        aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config_name, Tags=given)
        aws.wait_for_endpoint(name)
        served = Served(aws, name, config_name, key)
        served.promote(config_name)
        return served

    return make


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, aws: EmbeddedAws) -> None:
    """Calls are made once."""
    once = {"config_kwargs": {"retries": {"mode": "standard", "total_max_attempts": 1}}}
    extra = {"region_name": "us-east-1", "endpoint_url": aws.url, **once}
    connection = {"conn_type": "aws", "login": "local", "password": "local", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(connection))


def test_the_same_model_answers_after_the_start_as_before_the_stop(serve: Serve) -> None:
    served = serve()
    before, tags = served.answer(), tags_of(served.aws, served.name)

    stopped = served.switch(STOP, "evening")
    assert stopped["endpoint_config_name"] == served.config_name
    assert not served.exists
    assert served.kept("lease") is None

    started = served.switch(START, "morning")
    assert started["rows"] == 10
    assert started["max_abs_difference"] < 1e-5
    assert served.answer() == before
    assert tags_of(served.aws, served.name) == tags
    assert served.kept("stopped") is served.kept("lease") is None


@pytest.mark.parametrize("broken", ["numbers", "container", "calls"])
def test_a_start_that_ends_red_leaves_nothing_behind_and_can_be_repeated(
    broken: str, serve: Serve, plan_fault: PlanFault, impatient: None
) -> None:
    served = serve()
    good = served.aws.get(f"s3://{served.aws.bucket}/{served.artifact_key}")
    served.switch(STOP)
    match broken:
        case "numbers":
            bad = artifact_bytes(np.ones(2), np.full((2, 2), np.nan), np.ones(2))
            served.aws.put(served.artifact_key, bad)
        case "container":
            plan_fault(fault="fail_endpoint", name=served.name, reason="CannotStartContainerError.")
        case "calls":
            plan_fault(fault="throttle", target="InvokeEndpoint", name=served.name)
    with pytest.raises(
        SmokeTestError, match=f"start-endpoint {served.name}: .*It was deleted again, and stays stopped"
    ):
        served.switch(START)
    assert not served.exists
    assert served.kept("lease") is None
    assert served.kept("stopped") is not None

    served.aws.put(served.artifact_key, good)
    served.switch(START)
    assert served.answer()


def test_a_try_that_something_passing_ended_leaves_the_endpoint_to_the_next_one(
    serve: Serve, plan_fault: PlanFault, impatient: None
) -> None:
    served = serve()
    served.switch(STOP)
    plan_fault(fault="throttle", target="InvokeEndpoint", name=served.name)
    with pytest.raises(ClientError, match="ThrottlingException"):
        served.switch(START, try_number=1)
    created = served.aws.sagemaker.describe_endpoint(EndpointName=served.name)["CreationTime"]
    served.switch(START, try_number=2)
    assert served.aws.sagemaker.describe_endpoint(EndpointName=served.name)["CreationTime"] == created
    assert served.kept("stopped") is None


def test_a_start_that_is_killed_while_it_waits_is_gone_on_with(serve: Serve, plan_fault: PlanFault) -> None:
    served = serve()
    served.switch(STOP)
    plan_fault(fault="lose_response", target="CreateEndpoint", name=served.name)
    plan_fault(fault="delay_endpoint", seconds=0.5, name=served.name)
    ti = SimpleNamespace(dag_id="commands", run_id="killed", try_number=1, max_tries=3)
    switch = {"endpoint_name": served.name, "bucket": served.aws.bucket, "poll_seconds": 0.05}
    with pytest.raises(TaskDeferred):  # the triggerer waits, and nobody comes back
        START(task_id="switch", switch=switch).execute({"ti": ti})  # type: ignore[typeddict-item]
    lease = served.kept("lease")
    assert lease is not None
    served.switch(START, "killed", try_number=2)
    assert served.answer()
    assert served.kept("stopped") is served.kept("lease") is None


def test_a_stop_that_ended_before_the_deletion_is_gone_on_with(
    serve: Serve, plan_fault: PlanFault, impatient: None
) -> None:
    served = serve()
    plan_fault(fault="throttle", target="DeleteEndpoint", name=served.name)
    with pytest.raises(ClientError, match="ThrottlingException"):
        served.switch(STOP, "killed", try_number=1)
    assert served.answer()
    served.switch(STOP, "killed", try_number=2)
    assert not served.exists
    served.switch(START)
    assert served.answer()


def test_what_is_as_asked_for_skips_the_task(serve: Serve) -> None:
    served = serve()
    with pytest.raises(AirflowSkipException, match=f"Endpoint {served.name} is not stopped: it is InService"):
        served.switch(START)
    served.switch(STOP, "first")
    with pytest.raises(AirflowSkipException, match=f"Endpoint {served.name} is stopped since "):
        served.switch(STOP, "second")
    assert served.kept("lease") is None


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"managed-by": "somebody"}, "not tagged managed-by=sagemaker-pca"),
        ({"deployment-id": "theirs"}, "another Airflow's: tagged deployment-id=theirs"),
        ({"protect": "true"}, "protected: protect=true"),
        ({"bucket": "elsewhere"}, "recorded in elsewhere"),
    ],
)
def test_an_endpoint_that_is_somebody_elses_or_protected_is_never_stopped(
    tags: dict[str, str], words: str, serve: Serve
) -> None:
    served = serve(**tags)
    with pytest.raises(DeletionRefusedError, match=f"stop-endpoint {served.name}: .*{words}"):
        served.switch(STOP)
    assert served.answer()
    assert served.kept("stopped") is served.kept("lease") is None


def test_what_could_not_come_back_is_not_stopped(serve: Serve, aws: EmbeddedAws) -> None:
    served = serve()
    served.promote(serve().config_name)
    with pytest.raises(DeletionRefusedError, match=f"it serves {served.config_name}, and .* is what a run"):
        served.switch(STOP)
    served.promote(served.config_name)
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=served.config_name)
    with pytest.raises(DeletionRefusedError, match=f"configuration {served.config_name} is gone"):
        served.switch(STOP)
    assert served.exists


def test_a_stop_whose_configuration_was_deleted_meanwhile_says_so(serve: Serve, aws: EmbeddedAws) -> None:
    served = serve()
    served.switch(STOP)
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=served.config_name)
    with pytest.raises(InputError, match=f"endpoint configuration {served.config_name} is gone"):
        served.switch(START)
    assert not served.exists


def test_an_endpoint_that_was_never_there_is_neither_stopped_nor_started(serve: Serve) -> None:
    served = serve()._replace(name="nobody")
    with pytest.raises(InputError, match="stop-endpoint nobody: there is no such endpoint"):
        served.switch(STOP)
    with pytest.raises(InputError, match="start-endpoint nobody: it is not stopped, and there is none"):
        served.switch(START)


def test_one_of_that_name_which_somebody_else_created_meanwhile_is_left_alone(serve: Serve) -> None:
    served, other = serve(), serve()
    served.switch(STOP)
    theirs = [{"Key": "managed-by", "Value": "somebody"}]
    served.aws.sagemaker.create_endpoint(EndpointName=served.name, EndpointConfigName=other.config_name, Tags=theirs)
    served.aws.wait_for_endpoint(served.name)
    with pytest.raises(DeletionRefusedError, match="somebody else's"):
        served.switch(START)
    assert served.exists


def test_a_deployment_under_way_is_waited_for(serve: Serve) -> None:
    served = serve()
    in_an_hour = datetime.now(UTC) + timedelta(hours=1)
    served.put("lease", Lease(holder="run-2", expires_at=in_an_hour))
    with pytest.raises(LeaseHeldError, match=f"endpoint {served.name} is being changed by run-2 until"):
        served.switch(STOP, lease_wait_seconds=0)
    assert served.exists
    served.put("lease", Lease(holder="run-2", expires_at=datetime.now(UTC) + timedelta(seconds=2)))
    served.switch(STOP)
    assert not served.exists


def test_two_at_once_are_one_after_the_other(serve: Serve, plan_fault: PlanFault) -> None:
    served = serve()
    served.switch(STOP)
    plan_fault(fault="delay_endpoint", seconds=1, name=served.name)
    outcomes: list[str] = []

    def switch(run_id: str) -> None:
        try:
            outcomes.append(served.switch(START, run_id)["endpoint_name"])
        except AirflowSkipException as skipped:
            outcomes.append(str(skipped))

    threads = [threading.Thread(target=switch, args=(run_id,)) for run_id in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == sorted([served.name, f"Endpoint {served.name} is not stopped: it is InService."])
    assert served.answer()


def test_a_record_says_whose_it_is(serve: Serve) -> None:
    served = serve()
    served.switch(STOP)
    theirs = StoppedEndpoint.model_validate(served.kept("stopped") or {})
    served.put("stopped", theirs.model_copy(update={"tags": {**theirs.tags, "deployment-id": "theirs"}}))
    with pytest.raises(DeletionRefusedError, match="tagged deployment-id=theirs"):
        served.switch(START)
    assert not served.exists
