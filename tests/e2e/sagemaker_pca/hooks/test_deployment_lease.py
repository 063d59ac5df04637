"""One deployment per endpoint at a time, held by a lease object in S3."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sagemaker_pca.endpoints.records import LEASE_SECONDS
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws

pytestmark = pytest.mark.e2e


@pytest.fixture
def uri(aws: EmbeddedAws) -> str:
    return f"s3://{aws.bucket}/endpoints/e/lease.json"


def lease_of(uri: str, holder: str) -> DeploymentLease:
    return DeploymentLease(uri, holder)


def write_lease(hook: SageMakerPcaHook, uri: str, holder: str, expires_in_seconds: float) -> dict[str, Any]:
    expires_at = datetime.now(UTC) + timedelta(seconds=expires_in_seconds)
    document = {"holder": holder, "expires_at": expires_at.isoformat(timespec="seconds")}
    hook.write_json(uri, document)
    return document


def remaining_seconds(hook: SageMakerPcaHook, uri: str) -> float:
    lease = hook.read_json(uri)
    return (datetime.fromisoformat(lease["expires_at"]) - datetime.now(UTC)).total_seconds()


def test_a_free_lease_is_taken(hook: SageMakerPcaHook, uri: str) -> None:
    assert lease_of(uri, "run-1").acquire(hook) is None
    assert hook.read_json(uri)["holder"] == "run-1"
    assert remaining_seconds(hook, uri) == pytest.approx(LEASE_SECONDS, abs=30)


def test_a_held_lease_is_refused_naming_the_holder_and_how_long(hook: SageMakerPcaHook, uri: str) -> None:
    held = write_lease(hook, uri, "run-1", 60)
    assert lease_of(uri, "run-2").acquire(hook) == f"run-1 until {held['expires_at']}"
    assert hook.read_json(uri) == held


def test_the_holder_takes_its_own_lease_again(hook: SageMakerPcaHook, uri: str) -> None:
    write_lease(hook, uri, "run-1", 60)
    assert lease_of(uri, "run-1").acquire(hook) is None
    assert remaining_seconds(hook, uri) > 60


def test_the_lease_of_a_dead_holder_is_taken_over(hook: SageMakerPcaHook, uri: str) -> None:
    write_lease(hook, uri, "run-1", -1)
    assert lease_of(uri, "run-2").acquire(hook) is None
    assert hook.read_json(uri)["holder"] == "run-2"


@pytest.mark.parametrize("expired", [False, True], ids=["free", "expired"])
def test_of_many_runs_one_gets_the_lease(hook: SageMakerPcaHook, uri: str, expired: bool) -> None:
    if expired:
        write_lease(hook, uri, "dead", -1)
    runs = [f"run-{number}" for number in range(6)]
    barrier, answers = threading.Barrier(len(runs)), {}
    assert hook.s3

    def ask(run: str) -> None:
        barrier.wait()
        answers[run] = lease_of(uri, run).acquire(hook)

    threads = [threading.Thread(target=ask, args=(run,)) for run in runs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winners = [run for run, holder in answers.items() if holder is None]
    assert winners == [hook.read_json(uri)["holder"]]
    assert all(str(answers[run]).startswith(f"{winners[0]} until") for run in runs if run not in winners)


def test_renewing_pushes_the_expiry_out(hook: SageMakerPcaHook, uri: str) -> None:
    write_lease(hook, uri, "run-1", 5)
    lease_of(uri, "run-1").renew(hook)
    assert remaining_seconds(hook, uri) == pytest.approx(LEASE_SECONDS, abs=30)


@pytest.mark.parametrize("act", [DeploymentLease.renew, DeploymentLease.release])
def test_a_lease_that_is_no_longer_ours_is_left_alone(hook: SageMakerPcaHook, uri: str, act: Any) -> None:
    act(lease_of(uri, "run-1"), hook)
    assert hook.find_object(uri) is None
    taken_over = write_lease(hook, uri, "run-2", 60)
    act(lease_of(uri, "run-1"), hook)
    assert hook.read_json(uri) == taken_over


def test_a_released_lease_is_free(hook: SageMakerPcaHook, uri: str) -> None:
    assert lease_of(uri, "run-1").acquire(hook) is None
    lease_of(uri, "run-1").release(hook)
    assert lease_of(uri, "run-2").acquire(hook) is None


def test_leases_travel_as_json(uri: str) -> None:
    lease = lease_of(uri, "run-1")
    assert DeploymentLease(**lease.as_document()) == lease


def test_only_the_first_of_two_writes_of_a_new_object_counts(hook: SageMakerPcaHook, uri: str) -> None:
    assert hook.write_json_if(uri, {"n": 1})
    assert not hook.write_json_if(uri, {"n": 2})
    assert hook.read_json(uri) == {"n": 1}


def test_a_write_counts_only_while_the_object_is_the_version_that_was_read(hook: SageMakerPcaHook, uri: str) -> None:
    hook.write_json(uri, {"n": 1})
    found = hook.find_object(uri)
    assert found is not None
    assert hook.write_json_if(uri, {"n": 2}, etag=found[1])
    assert not hook.write_json_if(uri, {"n": 3}, etag=found[1])
    assert hook.read_json(uri) == {"n": 2}


def test_a_write_over_an_object_that_is_gone_does_not_count(hook: SageMakerPcaHook, uri: str) -> None:
    hook.write_json(uri, {"n": 1})
    found = hook.find_object(uri)
    assert found is not None
    hook.delete_object(uri)
    assert not hook.write_json_if(uri, {"n": 2}, etag=found[1])


def test_only_the_version_that_was_read_is_deleted(hook: SageMakerPcaHook, uri: str) -> None:
    hook.write_json(uri, {"n": 1})
    found = hook.find_object(uri)
    assert found is not None
    hook.write_json(uri, {"n": 2})
    hook.delete_object(uri, etag=found[1])
    assert hook.read_json(uri) == {"n": 2}
