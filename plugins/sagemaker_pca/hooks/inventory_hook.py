"""The account's inventory as AWS tells it: lists, tags, descriptions, metrics, and the pipeline's records in S3."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from typing import Any, TypeVar

from botocore.config import Config
from botocore.exceptions import ClientError

from sagemaker_pca.endpoints.inventory import (
    ConfigDetails,
    Details,
    EndpointDetails,
    ListedResource,
    RecordedDeployments,
    Series,
    Tags,
    Unreadable,
    Variant,
)
from sagemaker_pca.endpoints.records import DeploymentHistory, DeploymentRecord, Lease, Promotion
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.hooks.clients import RETRIES
from sagemaker_pca.hooks.errors import is_missing, is_transient
from sagemaker_pca.hooks.objects import Document
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.hooks.throttling import READ_RETRIES, wait_out_throttling
from sagemaker_pca.resource_kinds import ENDPOINT, ResourceKind
from sagemaker_pca.run.locations import RunFiles

T = TypeVar("T")
Answer = Mapping[str, Any]

# The services' own limits: resources a page, ARNs a call, series a call.
LIST_PAGE = 100
TAG_BATCH = 100
METRIC_BATCH = 500
SECONDS_PER_DAY = 86_400
# Reads go out side by side: one after the other, thousands of descriptions would take minutes of waiting for answers.
READERS = 8


class SageMakerInventoryHook(SageMakerPcaHook):
    """Lists, describes and deletes: the :class:`~sagemaker_pca.endpoints.inventory.Inventory` of an account and region.

    A fact that may not be read is :class:`~sagemaker_pca.endpoints.inventory.Unreadable`. What may pass by itself, such
    as throttling that outlives the retries, is raised: another try reads it.
    """

    def _get_config(self, config: Config | None = None) -> Config:
        merged = super()._get_config(config)
        return merged.merge(Config(retries=READ_RETRIES)) if merged.retries == RETRIES else merged

    def _client(self, service: str) -> Any:
        client = super()._client(service)
        if self._get_config().retries == READ_RETRIES:
            wait_out_throttling(client)
        return client

    @cached_property
    def cloudwatch(self) -> Any:
        """CloudWatch client."""
        return self._client("cloudwatch")

    @cached_property
    def tagging(self) -> Any:
        """Resource Groups Tagging API client."""
        return self._client("resourcegroupstaggingapi")

    # --- resources -----------------------------------------------------------------------------------------------

    def list_resources(self, kind: ResourceKind, since: datetime | None = None) -> list[ListedResource]:
        """All endpoints, configurations or models, oldest first; one call per hundred.

        :param since: only endpoints changed, or others created, since then
        """
        paginator = self.conn.get_paginator(f"list_{kind.operation}s")
        time_filter = "LastModifiedTimeAfter" if kind is ENDPOINT else "CreationTimeAfter"
        pages = paginator.paginate(
            SortBy="CreationTime",
            SortOrder="Ascending",
            PaginationConfig={"PageSize": LIST_PAGE},
            **({time_filter: since} if since else {}),
        )
        member = f"{kind.name_key.removesuffix('Name')}s"
        return [_resource(kind, item) for page in pages for item in page[member]]

    def find_resource(self, kind: ResourceKind, name: str) -> ListedResource | None:
        """One endpoint, configuration or model as it is now; None when there is none."""
        description = self._find(kind, name)
        return None if description is None else _resource(kind, description)

    def _find(self, kind: ResourceKind, name: str) -> Answer | None:
        try:
            answer: Answer = getattr(self.conn, f"describe_{kind.operation}")(**{kind.name_key: name})
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        return answer

    def delete_resource(self, kind: ResourceKind, name: str) -> None:
        """Delete an endpoint, configuration or model; gone already is fine."""
        self.delete_if_there(kind.operation, **{kind.name_key: name})

    # --- facts ---------------------------------------------------------------------------------------------------

    def read_tags(self, arns: Iterable[str]) -> dict[str, Tags]:
        """Tags by ARN, a hundred a call; the tagging API may lag behind by minutes."""
        batches = list(_batches(list(arns), TAG_BATCH))
        answers = self._each(lambda batch: _readable(self._tags_of_batch, batch), batches)
        return {
            arn: found if isinstance(found, Unreadable) else found.get(arn, {})
            for batch, found in zip(batches, answers, strict=True)
            for arn in batch
        }

    def _tags_of_batch(self, arns: Sequence[str]) -> dict[str, dict[str, str]]:
        pages = self.tagging.get_paginator("get_resources").paginate(ResourceARNList=list(arns))
        return {
            item["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in item["Tags"]}
            for page in pages
            for item in page["ResourceTagMappingList"]
        }

    def read_current_tags(self, arn: str) -> Tags:
        """Tags as SageMaker itself has them now."""
        return _readable(self.tags, arn)

    def describe_all(self, kind: ResourceKind, names: Iterable[str]) -> dict[str, Details]:
        """What only descriptions tell of endpoints or configurations; those that are gone are left out."""
        details = _endpoint_details if kind is ENDPOINT else _config_details

        def read(name: str) -> Details | None:
            description = _readable(self._find, kind, name)
            return description if description is None or isinstance(description, Unreadable) else details(description)

        named = list(names)
        found = zip(named, self._each(read, named), strict=True)
        return {name: item for name, item in found if item is not None}

    def count_invocations(
        self, variants: Iterable[Variant], start: datetime, end: datetime
    ) -> dict[Variant, float | Unreadable | None]:
        """Invocations of endpoint variants between two times, five hundred a call; None where there is no data."""
        series = self._invocations(variants, start, end, int((end - start).total_seconds()))
        return {one: _total(found) for one, found in series.items()}

    def daily_invocations(self, variants: Iterable[Variant], start: datetime, end: datetime) -> dict[Variant, Series]:
        """Likewise by day (UTC); a day without data is left out."""
        return self._invocations(variants, start, end, SECONDS_PER_DAY)

    def _invocations(
        self, variants: Iterable[Variant], start: datetime, end: datetime, period: int
    ) -> dict[Variant, Series]:
        batches = list(_batches(list(variants), METRIC_BATCH))
        answers = self._each(lambda batch: _readable(self._invocations_of_batch, batch, start, end, period), batches)
        return {
            one: found if isinstance(found, Unreadable) else found[one]
            for batch, found in zip(batches, answers, strict=True)
            for one in batch
        }

    def _invocations_of_batch(
        self, variants: Sequence[Variant], start: datetime, end: datetime, period: int
    ) -> dict[Variant, Series]:
        queries = [_invocations_query(f"s{place}", one, period) for place, one in enumerate(variants)]
        pages = self.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end
        )
        series: dict[Variant, Series] = {one: {} for one in variants}
        for result in (result for page in pages for result in page["MetricDataResults"]):
            one = variants[int(result["Id"].removeprefix("s"))]
            series[one] = _with_result(series[one], result)
        return series

    def read_deployments(
        self, bucket: str, endpoint_names: Collection[str], now: datetime
    ) -> RecordedDeployments | Unreadable:
        """Leases under way with their records, and the records of the named endpoints."""
        return _readable(self._deployments, bucket, endpoint_names, now)

    def _deployments(self, bucket: str, endpoint_names: Collection[str], now: datetime) -> RecordedDeployments:
        leases: list[tuple[str, str, type[Lease]]] = []
        records: list[tuple[str, str, type[DeploymentRecord | Promotion | DeploymentHistory]]] = []
        for item in self.list_objects(RunFiles(bucket, "", "").endpoints_uri):
            uri, name = f"s3://{bucket}/{item['Key']}", item["Key"].split("/")[1]
            files = RunFiles(bucket, "", name)
            if uri == files.lease_uri:
                leases.append((name, uri, Lease))
            elif uri == files.promoted_uri and name in endpoint_names:
                records.append((name, uri, Promotion))
            elif uri == files.history_uri and name in endpoint_names:
                records.append((name, uri, DeploymentHistory))
        held = dict(self._documents(leases))
        for name, lease in held.items():
            records.append((name, RunFiles(bucket, lease.holder, name).deployment_record_uri, DeploymentRecord))
        return RecordedDeployments.of(held, self._documents(records), endpoint_names, now)

    def _documents(self, uris: Sequence[tuple[str, str, type[Document]]]) -> list[tuple[str, Document]]:
        """The documents that are there, each with its endpoint."""
        found = self._each(lambda item: self.find_document(item[1], item[2]), uris)
        return [(name, document) for (name, _, _), document in zip(uris, found, strict=True) if document is not None]

    def _each(self, read: Callable[[Any], T], items: Iterable[Any]) -> list[T]:
        """Read side by side, in order."""
        _ = self.conn, self.s3, self.tagging, self.cloudwatch  # clients are thread-safe, making them is not
        with ThreadPoolExecutor(READERS) as pool:
            return list(pool.map(read, items))


def _resource(kind: ResourceKind, item: Answer) -> ListedResource:
    created_at = item["CreationTime"]
    return ListedResource(
        kind=kind,
        name=item[kind.name_key],
        arn=item[kind.arn_key],
        created_at=created_at,
        changed_at=item.get("LastModifiedTime", created_at) if kind is ENDPOINT else created_at,
        status=item[kind.status_key] if kind.status_key else None,
    )


def _endpoint_details(description: Answer) -> EndpointDetails:
    pending = description.get("PendingDeploymentSummary") or {}
    names = (description.get("EndpointConfigName"), pending.get("EndpointConfigName"))
    variants = [*description.get("ProductionVariants", ()), *description.get("ShadowProductionVariants", ())]
    return EndpointDetails(
        needs=tuple(dict.fromkeys(name for name in names if name)),
        instance_counts={variant["VariantName"]: _instance_count(variant) for variant in variants},
    )


def _instance_count(variant: Answer) -> int | None:
    # The service tells 0 instances of a serverless variant, or none.
    count: int | None = None if "CurrentServerlessConfig" in variant else variant.get("CurrentInstanceCount")
    return count


def _config_details(description: Answer) -> ConfigDetails:
    variants = [*description.get("ProductionVariants", ()), *description.get("ShadowProductionVariants", ())]
    names = [variant.get("ModelName") for variant in variants]
    return ConfigDetails(
        needs=tuple(dict.fromkeys(name for name in names if name)),
        instance_types={variant["VariantName"]: variant.get("InstanceType") for variant in variants},
        serverless={
            variant["VariantName"]: f"serverless {config['MemorySizeInMB'] // 1024} GB"
            for variant in variants
            if (config := variant.get("ServerlessConfig"))
        },
        hosts_components=not all(names),
    )


def _invocations_query(query_id: str, variant: Variant, period: int) -> dict[str, Any]:
    dimensions = {"EndpointName": variant.endpoint_name, "VariantName": variant.variant_name}
    metric = {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": name, "Value": value} for name, value in dimensions.items()],
    }
    return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": period, "Stat": "Sum"}}


def _with_result(series: Series, result: Answer) -> Series:
    """The series with one page's result added; it may go on over pages."""
    if isinstance(series, Unreadable) or result["StatusCode"] not in {"Complete", "PartialData"}:
        return Unreadable(f"CloudWatch answers {result['StatusCode']}")
    return {**series, **dict(zip(result["Timestamps"], result["Values"], strict=True))}


def _total(series: Series) -> float | Unreadable | None:
    return series if isinstance(series, Unreadable) else sum(series.values()) if series else None


def _readable(read: Callable[..., T], *arguments: Any) -> T | Unreadable:
    """What is read, or why it may not be; raises what may pass by itself."""
    try:
        return read(*arguments)
    except InputError as error:
        return Unreadable(str(error))
    except ClientError as error:
        if is_transient(error):
            raise
        return Unreadable(f"{error.response['Error'].get('Code')}: {error.response['Error'].get('Message')}")


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
