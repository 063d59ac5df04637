"""The inventory as the embedded service tells it, asked as AWS has to be asked."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError, HTTPClientError

from sagemaker_pca.endpoints.inventory import ConfigDetails, EndpointDetails, Unreadable, Variant
from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, Lease, PastDeployment
from sagemaker_pca.hooks import inventory_hook, throttling
from sagemaker_pca.hooks.inventory_hook import SageMakerInventoryHook
from sagemaker_pca.resource_kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL
from tests.e2e.sagemaker_pca.endpoints.counted_calls import CountedCalls, refuse
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import BUCKET, MANAGED, EmbeddedInventory, promotion

pytestmark = pytest.mark.e2e


def test_lists_take_one_call_for_a_hundred(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    names = [inventory.add_model(f"m-{number}") for number in range(101)]
    calls = CountedCalls(hook)
    assert [item.name for item in hook.list_resources(MODEL)] == names
    assert calls == {"ListModels": 2}


def test_a_list_tells_state_and_times(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    (endpoint,) = hook.list_resources(ENDPOINT)
    assert (endpoint.name, endpoint.status, endpoint.arn.split(":")[-1]) == ("e", "InService", "endpoint/e")
    assert endpoint.created_at <= endpoint.changed_at <= datetime.now(UTC)
    assert hook.find_resource(ENDPOINT, "e") == endpoint
    for kind in (ENDPOINT_CONFIG, MODEL):
        (listed,) = hook.list_resources(kind)
        assert (listed.name, listed.status) == ("e", None)
        assert hook.find_resource(kind, "e") == listed
        assert hook.find_resource(kind, "other") is None


def test_what_is_new_since_a_time_is_endpoints_changed_and_others_created(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    inventory.serve("changed")
    inventory.serve("unchanged")
    time.sleep(0.05)
    since = datetime.now(UTC)
    inventory.add_config("new", inventory.add_model("new"))
    inventory.update("changed", "new")
    for kind, expected in ((ENDPOINT, ["changed"]), (ENDPOINT_CONFIG, ["new"]), (MODEL, ["new"])):
        assert [item.name for item in hook.list_resources(kind, since=since)] == expected


def test_tags_are_read_a_hundred_resources_a_call(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    for number in range(101):
        inventory.add_model(f"m-{number}", tags={"number": str(number)})
    arns = {item.name: item.arn for item in hook.list_resources(MODEL)}
    calls = CountedCalls(hook)
    found = hook.read_tags([*arns.values(), "arn:aws:sagemaker:us-east-1:123456789012:model/gone"])
    assert found[arns["m-7"]] == {**MANAGED, "number": "7"}
    assert found["arn:aws:sagemaker:us-east-1:123456789012:model/gone"] == {}
    assert len(found) == 102
    assert calls == {"GetResources": 2}
    assert hook.read_current_tags(arns["m-8"]) == {**MANAGED, "number": "8"}


def test_descriptions_tell_who_uses_what(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    inventory.add_endpoint("e", inventory.add_config("c", inventory.add_model("m1"), inventory.add_model("m2")))
    assert hook.describe_all(ENDPOINT, ["e", "gone"]) == {"e": EndpointDetails(("c",), {"v1": 1, "v2": 1})}
    types = {"v1": "ml.m5.large", "v2": "ml.m5.large"}
    assert hook.describe_all(ENDPOINT_CONFIG, ["gone", "c"]) == {"c": ConfigDetails(("m1", "m2"), types)}


def test_an_updating_endpoint_uses_the_configuration_it_changes_to_as_well(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    inventory.serve("e")
    inventory.add_config("next", "e")
    hook.describe_all(ENDPOINT, ["e"])  # which takes longest the first time, when clients are made
    inventory.plan_fault(fault="delay_endpoint", seconds=4)
    inventory.start_update("e", "next")
    details = hook.describe_all(ENDPOINT, ["e"])["e"]
    assert isinstance(details, EndpointDetails)
    assert set(details.needs) == {"e", "next"}
    inventory.aws.wait_for_endpoint("e")


def test_invocations_are_summed_and_no_data_is_none(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    for _ in range(3):
        inventory.aws.runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=b"1,2")
    now = datetime.now(UTC)
    called, silent = Variant("e", "v1"), Variant("nobody", "v1")
    assert hook.count_invocations([called, silent], now - timedelta(days=7), now) == {called: 3.0, silent: None}


def test_invocations_are_told_by_day(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    now, called, silent = datetime.now(UTC), Variant("by-day", "v1"), Variant("nobody", "v1")
    moments = {5: now - timedelta(days=3, hours=1), 2: now - timedelta(hours=1)}
    for count, moment in moments.items():
        inventory.put_invocations("by-day", count, moment)
    found = hook.daily_invocations([called, silent], now - timedelta(days=10), now)
    assert found[silent] == {}
    series = found[called]
    assert not isinstance(series, Unreadable)
    days = {count: day for day, count in series.items() if count}
    assert days.keys() == moments.keys()
    assert all(timedelta() <= moment - days[count] < timedelta(days=1) for count, moment in moments.items())


def test_metrics_take_one_call_for_five_hundred_series(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    series = [Variant("never-there", f"v{number}") for number in range(501)]
    calls, now = CountedCalls(hook), datetime.now(UTC)
    assert hook.count_invocations(series, now - timedelta(days=1), now) == dict.fromkeys(series)
    assert calls == {"GetMetricData": 2}


def test_leases_and_ways_back_are_read_from_the_pipelines_records(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    now = datetime.now(UTC)
    later, earlier = (now + timedelta(minutes=shift) for shift in (5, -5))
    inventory.put_record("leased", "lease.json", Lease(holder="run-1", expires_at=later))
    inventory.put_record("dead", "lease.json", Lease(holder="run-2", expires_at=earlier))
    deployment = DeploymentRecord(
        endpoint_name="dead", endpoint_config_name="c2", previous_endpoint_config_name="c1", run_name="run-2"
    )
    inventory.put("runs/run-2/deployment.json", deployment)
    inventory.put_record("e", "promoted.json", promotion("e", "c4", "c3"))
    past = PastDeployment(run_name="run-0", endpoint_config_name="c0", model_name="m0")
    inventory.put_record("e", "history.json", DeploymentHistory(deployments=(past,)))
    inventory.put_record("gone", "promoted.json", promotion("gone", "c9"))
    found = hook.read_deployments(BUCKET, {"e", "dead"}, now)
    assert not isinstance(found, Unreadable)
    assert found.holders == {"leased": "run-1"}
    assert found.roll_back_targets == {"c2": ("dead",), "c1": ("dead",), "c4": ("e",), "c3": ("e",), "c0": ("e",)}


def test_a_record_that_nobody_can_read_is_no_absence_of_records(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    inventory.put_record("e", "promoted.json", Lease(holder="run-1", expires_at=datetime.now(UTC)))
    found = hook.read_deployments(BUCKET, {"e"}, datetime.now(UTC))
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(f"s3://{BUCKET}/endpoints/e/promoted.json cannot be read as a Promotion: ")


def test_a_bucket_that_is_not_there_is_no_absence_of_records(hook: SageMakerInventoryHook) -> None:
    found = hook.read_deployments("no-such-bucket", (), datetime.now(UTC))
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("NoSuchBucket: ")


def test_what_may_not_be_read_is_unreadable(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    (endpoint,) = hook.list_resources(ENDPOINT)
    refuse(hook.tagging, "GetResources")
    refuse(hook.cloudwatch, "GetMetricData")
    refuse(hook.conn, "DescribeEndpoint")
    refuse(hook.conn, "ListTags")
    denied = Unreadable("AccessDeniedException: You may not.")
    now, series = datetime.now(UTC), Variant("e", "v1")
    assert hook.read_tags([endpoint.arn]) == {endpoint.arn: denied}
    assert hook.read_current_tags(endpoint.arn) == denied
    assert hook.describe_all(ENDPOINT, ["e"]) == {"e": denied}
    metric = hook.count_invocations([series], now - timedelta(days=1), now)[series]
    assert isinstance(metric, Unreadable)
    assert metric.reason.startswith("AccessDenied")


def test_throttling_is_waited_out(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    inventory.plan_fault(fault="throttle", target="ListEndpoints", times=2)
    inventory.plan_fault(fault="throttle", target="DescribeEndpoint", times=2)
    assert [item.name for item in hook.list_resources(ENDPOINT)] == ["e"]
    assert list(hook.describe_all(ENDPOINT, ["e"])) == ["e"]


@pytest.fixture
def retries_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Botocore itself tries nothing again; pauses are short."""
    monkeypatch.setattr(inventory_hook, "READ_RETRIES", {"mode": "standard", "total_max_attempts": 1})
    monkeypatch.setattr(throttling, "LONGEST_PAUSE_SECONDS", 0.01)


@pytest.mark.usefixtures("retries_used_up")
def test_a_reader_whose_retries_are_used_up_waits_until_it_is_let_through(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    inventory.serve("e")
    inventory.plan_fault(fault="throttle", target="DescribeEndpoint", times=20)
    assert list(hook.describe_all(ENDPOINT, ["e"])) == ["e"]


@pytest.mark.usefixtures("retries_used_up")
@pytest.mark.parametrize("fault", ["drop_connection", "lose_response"])
def test_throttling_uses_up_no_retry_of_what_fails_once(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, fault: str
) -> None:
    inventory.serve("e")
    inventory.plan_fault(fault="throttle", target="DescribeEndpoint", times=20)
    inventory.plan_fault(fault=fault, target="DescribeEndpoint")
    assert list(hook.describe_all(ENDPOINT, ["e"])) == ["e"]


@pytest.mark.usefixtures("retries_used_up")
def test_what_fails_again_and_again_is_given_up(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "MAX_FAILURES", 3)
    inventory.serve("e")
    inventory.plan_fault(fault="drop_connection", target="DescribeEndpoint", times=4)
    with pytest.raises(HTTPClientError):
        hook.describe_all(ENDPOINT, ["e"])


@pytest.mark.usefixtures("retries_used_up")
def test_who_is_never_let_through_gives_up(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttling, "MAX_TRIES", 5)
    inventory.serve("e")
    inventory.plan_fault(fault="throttle", target="DescribeEndpoint", times=20)
    with pytest.raises(ClientError, match="Rate exceeded"):
        hook.describe_all(ENDPOINT, ["e"])


def test_throttling_that_lasts_is_an_error_and_no_verdict(
    hook: SageMakerInventoryHook, inventory: EmbeddedInventory
) -> None:
    inventory.serve("e")
    hook = SageMakerInventoryHook(aws_conn_id="aws_default", config={"retries": {"total_max_attempts": 1}})
    inventory.plan_fault(fault="throttle", target="DescribeEndpoint")
    with pytest.raises(ClientError, match="Rate exceeded"):
        hook.describe_all(ENDPOINT, ["e"])


def test_deleting_what_is_gone_is_fine(hook: SageMakerInventoryHook, inventory: EmbeddedInventory) -> None:
    inventory.serve("e")
    for kind in (ENDPOINT, ENDPOINT_CONFIG, MODEL):
        for _ in range(2):
            hook.delete_resource(kind, "e")
    assert inventory.names() == {"endpoint": set(), "endpoint_config": set(), "model": set()}


def test_reads_go_out_side_by_side_with_standard_retries(hook: SageMakerInventoryHook) -> None:
    # In adaptive mode one throttled request in twenty slows a sweep of thousands down tenfold.
    assert hook.conn.meta.config.retries == {"mode": "standard", "total_max_attempts": 11}
    assert inventory_hook.READERS > 1
