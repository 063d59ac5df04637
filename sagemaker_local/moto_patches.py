"""All of moto that the embedded service replaces, and why; everything else is moto's own.

SageMaker       `sagemaker_backends` makes LocalSageMakerBackend: jobs and endpoints really run. moto looks
                for their routes beside `models`: in `urls`.
Tagging API     GetResources by ARN answers in one page, as AWS does; moto would end a page after 100 tags.
S3              ExpectedBucketOwner is minded: 403 where the bucket is another account's; moto ignores it.
Step Functions  StartExecution is refused: nothing here runs a state machine; moto answers RUNNING for ever.
CloudWatch Logs FilterLogEvents minds logStreamNamePrefix; moto answers with the events of all streams.
CloudWatch      GetMetricData answers from the query's metric alone; moto compares all data with each query.
Routing         moto lists its own folder for each request, which takes longer than most answers; here once.
"""

import json
from collections import defaultdict
from datetime import datetime
from typing import Any

import moto.backends as moto_backends
import moto.logs.urls as moto_logs_urls
import moto.s3.responses as moto_s3_responses
import moto.stepfunctions.urls as moto_stepfunctions_urls
from moto.cloudwatch.models import CloudWatchBackend, MetricDatumBase, cloudwatch_backends
from moto.core.resource_tagging import TaggedResource
from moto.core.responses import ActionResult
from moto.logs.responses import LogsResponse
from moto.resourcegroupstaggingapi.models import ResourceGroupsTaggingAPIBackend, resourcegroupstaggingapi_backends
from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response
from moto.sagemaker.models import sagemaker_backends
from moto.stepfunctions.responses import StepFunctionResponse

from sagemaker_local.exceptions import UnsupportedError
from sagemaker_local.models import LocalSageMakerBackend
from sagemaker_local.service import Service


def install(service: Service) -> None:
    """Replace what is listed above; before the first request, for moto makes a backend when it is first asked for."""
    LocalSageMakerBackend.service = service
    sagemaker_backends.backend = LocalSageMakerBackend
    resourcegroupstaggingapi_backends.backend = LocalTaggingBackend
    cloudwatch_backends.backend = LocalCloudWatchBackend
    # S3's routes are made anew whenever they are asked for, of the class that stands here.
    vars(moto_s3_responses)["S3Response"] = LocalS3Response
    moto_logs_urls.url_paths = {"{0}/$": LocalLogsResponse.dispatch}
    moto_stepfunctions_urls.url_paths = {"{0}/$": LocalStepFunctionsResponse.dispatch}
    services = frozenset(moto_backends.list_of_moto_modules())
    vars(moto_backends)["list_of_moto_modules"] = lambda: services


class LocalTaggingBackend(ResourceGroupsTaggingAPIBackend):
    """The tagging API; https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html."""

    def get_resources(self, *args: Any, **query: Any) -> tuple[str | None, list[TaggedResource]]:
        """Return a page of tagged resources and the next page's token (None after the last)."""
        if not query.get("resource_arn_list"):
            return super().get_resources(*args, **query)
        return None, list(self._get_resources_generator(resource_arn_list=query["resource_arn_list"]))


class LocalCloudWatchBackend(CloudWatchBackend):
    """CloudWatch; https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html."""

    def get_metric_data(
        self, queries: list[dict[str, Any]], start_time: datetime, end_time: datetime, *order: str, **named: str
    ) -> list[dict[str, Any]]:
        """Answer queries that need nothing but one metric's data each by that; others as moto does."""
        metrics = [query.get("MetricStat", {}).get("Metric", {}) for query in queries]
        if not metrics or not all(metric.get("Dimensions") for metric in metrics):
            return super().get_metric_data(queries, start_time, end_time, *order, **named)
        data: dict[Any, list[MetricDatumBase]] = defaultdict(list)
        for datum in self.get_all_metrics():
            dimensions = frozenset((dimension.name, dimension.value) for dimension in datum.dimensions)
            data[datum.namespace, datum.name, dimensions].append(datum)
        answers = []
        for query, metric in zip(queries, metrics, strict=True):
            dimensions = frozenset((dimension["Name"], dimension["Value"]) for dimension in metric["Dimensions"])
            of_one = _MetricsOfOne(self.region_name, self.account_id)
            of_one.metric_data = data[metric["Namespace"], metric["MetricName"], dimensions]
            answers += of_one.get_metric_data([query], start_time, end_time, *order, **named)
        return answers


class _MetricsOfOne(CloudWatchBackend):
    def get_all_metrics(self) -> list[MetricDatumBase]:
        return self.metric_data


# moto finds a service's routes beside the module of its backend.
LocalTaggingBackend.__module__ = ResourceGroupsTaggingAPIBackend.__module__
LocalCloudWatchBackend.__module__ = CloudWatchBackend.__module__


class LocalS3Response(S3Response):
    """S3; https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html."""

    def _bucket_response(self, request: Any, full_url: str) -> Any:
        self._check_bucket_owner()
        return super()._bucket_response(request, full_url)

    def _key_response(self, request: Any, full_url: str) -> Any:
        self._check_bucket_owner()
        return super()._key_response(request, full_url)

    def _check_bucket_owner(self) -> None:
        expected = self.headers.get("x-amz-expected-bucket-owner")
        _, owner = s3_backends.bucket_accounts.get(self.bucket_name, (None, expected))
        if expected and owner != expected:
            raise S3AccessDeniedError()


class LocalStepFunctionsResponse(StepFunctionResponse):
    """Step Functions, of which everything but executions is moto's."""

    def start_execution(self) -> ActionResult:
        """Refuse, as everything is refused that would have to run and does not."""
        raise UnsupportedError("sagemaker_local does not carry out StartExecution: it runs no state machines.")


class LocalLogsResponse(LogsResponse):
    """CloudWatch Logs, whose events can be found by job."""

    def filter_log_events(self) -> str:
        """Filter a page of moto's answer; as on AWS, a page may be short or empty and still have a next one."""
        answer: dict[str, Any] = json.loads(super().filter_log_events())
        prefix = self._get_param("logStreamNamePrefix", "")
        for found in ("events", "searchedLogStreams"):
            answer[found] = [item for item in answer[found] if item["logStreamName"].startswith(prefix)]
        return json.dumps(answer)
