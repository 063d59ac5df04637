"""The provider's hook with siblings for the other services a run needs, all on one connection."""

from __future__ import annotations

import functools
import inspect
from functools import cached_property
from typing import Any, NamedTuple

import botocore.loaders
from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from botocore.config import Config

from sagemaker_pca.console import Console
from sagemaker_pca.run.locations import default_bucket

# One throttle or 5xx that outlives botocore's retries fails a whole wait, and the defaults give up after 4 quick ones.
RETRIES = {"mode": "adaptive", "total_max_attempts": 11}
# A page says what it could not reach rather than keep somebody waiting for it.
PAGE_PATIENCE = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2})


class CallerIdentity(NamedTuple):
    """Whose calls these are."""

    account: str
    partition: str
    region: str

    @property
    def default_bucket(self) -> str:
        """Bucket of a deployment that names none."""
        return default_bucket(self.region, self.account)


@functools.cache
def service_models(data_path: str | None) -> Any:
    """What botocore knows of the services: reading SageMaker's part takes half a second, and each session would."""
    return botocore.loaders.create_loader(data_path)


def _note_bucket(params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
    context["bucket"] = params.get("Bucket")


class AwsClientsHook(SageMakerHook):
    """SageMaker, S3, logs, STS and the runtime through one connection.

    The provider's own S3 and logs hooks lose the operator's region and the connection's per-service endpoints;
    the clients here share session, region, retries and endpoints with the SageMaker client.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def _get_config(self, config: Config | None = None) -> Config:
        merged = super()._get_config(config)
        return merged if merged.retries else merged.merge(Config(retries=RETRIES))

    def _get_caller(self, target_function_name: str = "execute") -> str:
        """The class that the provider tells AWS as the caller, found without `inspect.stack()`.

        That reads the source of every function on the way: a fifth of a second for each client.
        """
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code.co_name == target_function_name and "self" in frame.f_locals:
                return type(frame.f_locals["self"]).__name__
            frame = frame.f_back
        return "Unknown"

    def get_session(self, *args: Any, **kwargs: Any) -> Any:
        """The provider's session, with the service models that the sessions of this process have read already."""
        session = super().get_session(*args, **kwargs)
        models = service_models(session._session.get_config_variable("data_path"))
        session._session.register_component("data_loader", models)
        return session

    @cached_property
    def _session(self) -> Any:
        return self.get_session(region_name=self.region_name)

    def _client(self, service: str) -> Any:
        endpoint_url = self.conn_config.get_service_endpoint_url(service_name=service)
        return self._session.client(service, endpoint_url=endpoint_url, config=self._get_config(), verify=self.verify)

    @cached_property
    def conn(self) -> Any:
        """SageMaker client of the same session: the provider would make one more for it, and assume a role again."""
        return self._client("sagemaker")

    @cached_property
    def s3(self) -> Any:
        """S3 client for the runs' bucket: whatever it is asked to do names the account that has to own the bucket.

        The bucket's default name can be guessed, and code is staged in it: who creates it first in another account
        would be sent our data, and send our jobs its code.
        https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
        """
        client = self._client("s3")
        client.meta.events.register("before-parameter-build.s3", self._name_bucket_owner)
        client.meta.events.register("after-call.s3", self._explain_refusal)
        return self._naming_missing_buckets(client)

    @cached_property
    def raw_s3(self) -> Any:
        """S3 client for raw data, which may lie in another account's bucket."""
        return self._naming_missing_buckets(self._client("s3"))

    @cached_property
    def account(self) -> str:
        """Account of the connection."""
        return self.caller_identity().account

    def _naming_missing_buckets(self, client: Any) -> Any:
        """The client, whose errors say which bucket there is none of: S3's own do not."""
        client.meta.events.register("before-parameter-build.s3", _note_bucket)
        client.meta.events.register("after-call.s3", self._explain_missing_bucket)
        return client

    def _explain_missing_bucket(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {})
        if error.get("Code") == "NoSuchBucket" and (bucket := context.get("bucket")):
            error["Message"] = (
                f"{error.get('Message')}: {bucket}. Make it with aws s3 mb s3://{bucket} --region "
                f"{self.conn.meta.region_name}, or name another one in the settings"
            )

    def _name_bucket_owner(self, params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if "ExpectedBucketOwner" in model.input_shape.members:
            params.setdefault("ExpectedBucketOwner", self.account)
            context["owned_bucket"] = params["Bucket"]

    def _explain_refusal(self, parsed: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        error = parsed.get("Error", {})
        if error.get("Code") == "AccessDenied" and "owned_bucket" in context:
            error["Message"] = (
                f"{error.get('Message')}. Bucket {context['owned_bucket']} has to belong to account {self.account}, "
                "and this connection has to be allowed to use it; setting bucket names another one"
            )

    @cached_property
    def logs(self) -> Any:
        """CloudWatch Logs client."""
        return self._client("logs")

    @cached_property
    def runtime(self) -> Any:
        """SageMaker runtime client, for invocations."""
        return self._client("sagemaker-runtime")

    @cached_property
    def console(self) -> Console:
        """Where a person looks at this connection's resources.

        The connection's extra `console_url` is the address of a backend of its own as the person's browser reaches it,
        where that is not the one that Airflow sends requests to.
        """
        partition = self._session.get_partition_for_region(self.conn.meta.region_name)
        own_backend = self.conn_config.get_service_endpoint_url(service_name="sagemaker")
        own_backend = self.conn_config.extra_config.get("console_url", own_backend)
        return Console(self.conn.meta.region_name, partition, own_backend)

    def caller_identity(self) -> CallerIdentity:
        """Account, partition and region of the connection."""
        answer = self._client("sts").get_caller_identity()
        return CallerIdentity(answer["Account"], answer["Arn"].split(":")[1], self.conn.meta.region_name)
