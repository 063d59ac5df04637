"""The estate as the embedded service tells it, asked as AWS has to be asked."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from sagemaker_pca import estate_hook
from sagemaker_pca.estate_hook import SageMakerEstateHook
from sagemaker_pca.exceptions import WaitTimeoutError
from sagemaker_pca.job_status import ENDPOINT, ENDPOINT_CONFIG, MODEL
from sagemaker_pca.sweep.estate import ConfigDetails, EndpointDetails, Series, Unreadable
from tests.e2e.sagemaker_pca.embedded_estate import BUCKET, MANAGED, EmbeddedEstate
from tests.e2e.sagemaker_pca.sweep.counted_calls import CountedCalls, refuse

pytestmark = pytest.mark.e2e


def test_lists_take_one_call_for_a_hundred(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    names = [estate.add_model(f"m-{number}") for number in range(101)]
    calls = CountedCalls(hook)
    assert [item.name for item in hook.list_resources(MODEL)] == names
    assert calls == {"ListModels": 2}


def test_a_list_tells_state_and_times(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.serve("e")
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
    hook: SageMakerEstateHook, estate: EmbeddedEstate
) -> None:
    estate.serve("changed")
    estate.serve("unchanged")
    time.sleep(0.05)
    since = datetime.now(UTC)
    estate.add_config("new", estate.add_model("new"))
    estate.update("changed", "new")
    for kind, expected in ((ENDPOINT, ["changed"]), (ENDPOINT_CONFIG, ["new"]), (MODEL, ["new"])):
        assert [item.name for item in hook.list_resources(kind, since=since)] == expected


def test_tags_are_read_a_hundred_resources_a_call(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    for number in range(101):
        estate.add_model(f"m-{number}", tags={"number": str(number)})
    arns = {item.name: item.arn for item in hook.list_resources(MODEL)}
    calls = CountedCalls(hook)
    found = hook.read_tags([*arns.values(), "arn:aws:sagemaker:us-east-1:123456789012:model/gone"])
    assert found[arns["m-7"]] == {**MANAGED, "number": "7"}
    assert found["arn:aws:sagemaker:us-east-1:123456789012:model/gone"] == {}
    assert len(found) == 102
    assert calls == {"GetResources": 2}
    assert hook.read_current_tags(arns["m-8"]) == {**MANAGED, "number": "8"}


def test_descriptions_tell_who_uses_what(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.add_endpoint("e", estate.add_config("c", estate.add_model("m1"), estate.add_model("m2")))
    assert hook.describe_endpoints(["e", "gone"]) == {"e": EndpointDetails(("c",), {"v1": 1, "v2": 1})}
    types = {"v1": "ml.m5.large", "v2": "ml.m5.large"}
    assert hook.describe_configs(["gone", "c"]) == {"c": ConfigDetails(("m1", "m2"), types)}


def test_an_updating_endpoint_uses_the_configuration_it_changes_to_as_well(
    hook: SageMakerEstateHook, estate: EmbeddedEstate
) -> None:
    estate.serve("e")
    estate.add_config("next", "e")
    estate.plan_fault(fault="delay_endpoint", seconds=2)
    estate.start_update("e", "next")
    details = hook.describe_endpoints(["e"])["e"]
    assert isinstance(details, EndpointDetails)
    assert set(details.config_names) == {"e", "next"}
    estate.aws.wait_for_endpoint("e")


def test_invocations_are_summed_and_no_data_is_none(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.serve("e")
    for _ in range(3):
        estate.aws.runtime.invoke_endpoint(EndpointName="e", ContentType="text/csv", Body=b"1,2")
    now = datetime.now(UTC)
    called, silent = Series("e", "v1"), Series("nobody", "v1")
    assert hook.count_invocations([called, silent], now - timedelta(days=7), now) == {called: 3.0, silent: None}


def test_metrics_take_one_call_for_five_hundred_series(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    series = [Series("never-there", f"v{number}") for number in range(501)]
    calls, now = CountedCalls(hook), datetime.now(UTC)
    assert hook.count_invocations(series, now - timedelta(days=1), now) == dict.fromkeys(series)
    assert calls == {"GetMetricData": 2}


def test_leases_and_ways_back_are_read_from_the_pipelines_records(
    hook: SageMakerEstateHook, estate: EmbeddedEstate
) -> None:
    now = datetime.now(UTC)
    later, earlier = ((now + timedelta(minutes=shift)).isoformat() for shift in (5, -5))
    estate.put_record("leased", "lease.json", {"holder": "run-1", "expires_at": later})
    estate.put_record("dead", "lease.json", {"holder": "run-2", "expires_at": earlier})
    estate.put("runs/run-2/deployment.json", {"endpoint_config_name": "c2", "previous_endpoint_config_name": "c1"})
    estate.put_record("e", "promoted.json", {"endpoint_config_name": "c4", "previous_endpoint_config_name": "c3"})
    estate.put_record("e", "history.json", {"deployments": [{"endpoint_config_name": "c0", "model_name": "m0"}]})
    estate.put_record("gone", "promoted.json", {"endpoint_config_name": "c9"})
    found = hook.read_deployments(BUCKET, {"e", "dead"}, now)
    assert not isinstance(found, Unreadable)
    assert found.holders == {"leased": "run-1"}
    assert found.roll_back_targets == {"c2": ("dead",), "c1": ("dead",), "c4": ("e",), "c3": ("e",), "c0": ("e",)}


def test_a_bucket_that_is_not_there_is_no_absence_of_records(hook: SageMakerEstateHook) -> None:
    found = hook.read_deployments("no-such-bucket", (), datetime.now(UTC))
    assert isinstance(found, Unreadable)
    assert found.reason.startswith("NoSuchBucket: ")


def test_what_may_not_be_read_is_unreadable(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.serve("e")
    (endpoint,) = hook.list_resources(ENDPOINT)
    refuse(hook.tagging, "GetResources")
    refuse(hook.cloudwatch, "GetMetricData")
    refuse(hook.conn, "DescribeEndpoint")
    refuse(hook.conn, "ListTags")
    denied = Unreadable("AccessDeniedException: You may not.")
    now, series = datetime.now(UTC), Series("e", "v1")
    assert hook.read_tags([endpoint.arn]) == {endpoint.arn: denied}
    assert hook.read_current_tags(endpoint.arn) == denied
    assert hook.describe_endpoints(["e"]) == {"e": denied}
    metric = hook.count_invocations([series], now - timedelta(days=1), now)[series]
    assert isinstance(metric, Unreadable)
    assert metric.reason.startswith("AccessDenied")


def test_throttling_is_waited_out(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.serve("e")
    estate.plan_fault(fault="throttle", target="ListEndpoints", times=2)
    estate.plan_fault(fault="throttle", target="DescribeEndpoint", times=2)
    assert [item.name for item in hook.list_resources(ENDPOINT)] == ["e"]
    assert list(hook.describe_endpoints(["e"])) == ["e"]


def test_throttling_that_lasts_is_an_error_and_no_verdict(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.serve("e")
    hook = SageMakerEstateHook(aws_conn_id="aws_default", config={"retries": {"total_max_attempts": 1}})
    estate.plan_fault(fault="throttle", target="DescribeEndpoint")
    with pytest.raises(ClientError, match="Rate exceeded"):
        hook.describe_endpoints(["e"])


def test_deleting_waits_until_the_endpoint_is_gone_and_gone_is_fine(
    hook: SageMakerEstateHook, estate: EmbeddedEstate
) -> None:
    estate.serve("e")
    for kind in (ENDPOINT, ENDPOINT_CONFIG, MODEL):
        for _ in range(2):
            hook.delete_resource(kind, "e")
    hook.wait_until_deleted("e", poll_seconds=0.1)
    assert estate.names() == {"endpoint": set(), "endpoint_config": set(), "model": set()}


def test_waiting_for_a_deletion_ends_with_a_hint(hook: SageMakerEstateHook, estate: EmbeddedEstate) -> None:
    estate.serve("e")
    with pytest.raises(WaitTimeoutError, match="endpoint e is still InService 0 s after it was asked to go"):
        hook.wait_until_deleted("e", poll_seconds=0.1, max_wait_seconds=0)


def test_reads_go_out_side_by_side_with_standard_retries(hook: SageMakerEstateHook) -> None:
    # In adaptive mode one throttled request in twenty slows a sweep of thousands down tenfold.
    assert hook.conn.meta.config.retries == {"mode": "standard", "total_max_attempts": 11}
    assert estate_hook.READERS > 1
