"""Operators that create jobs, models and configurations exactly once: the provider's, made transactions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.amazon.aws.operators.sagemaker import (
    SageMakerEndpointConfigOperator,
    SageMakerModelOperator,
    SageMakerProcessingOperator,
    SageMakerTrainingOperator,
    SageMakerTransformOperator,
)
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.links import Target
from sagemaker_pca.operators.base import Request, SageMakerPcaOperator
from sagemaker_pca.resource_kinds import (
    ENDPOINT_CONFIG,
    MODEL,
    PROCESSING_JOB,
    TRAINING_JOB,
    TRANSFORM_JOB,
    ResourceKind,
)
from sagemaker_pca.run.lineage import job_lineage

if TYPE_CHECKING:
    from airflow.providers.openlineage.extractors import OperatorLineage


class StartOrAdopt(SageMakerPcaOperator):
    """Creates what `config` asks for, or adopts what an earlier try created; returns name, ARN and attempt."""

    kind: ClassVar[ResourceKind]
    started_name: str | None = None
    skip_reason: Any = None

    def execute(self, context: Context) -> dict[str, Any]:
        """Create or adopt.

        Raises:
            AirflowSkipException: when there is a reason to skip it.
        """
        if self.skip_reason:
            raise AirflowSkipException(self.skip_reason)
        self.preprocess_config()
        started = self.pca_hook.start_or_adopt(self.kind, self.config)
        self.started_name = started.name
        return started._asdict()

    @property
    def link_target(self) -> Target | None:
        """The job or resource that was started or adopted."""
        return (self.kind, self.started_name) if self.started_name else None


class StartOrAdoptJob(StartOrAdopt):
    """Likewise for a job, which reads and writes data: what, OpenLineage is told where it is there."""

    reads: Sequence[str] | None = None

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> OperatorLineage[Any, Any]:
        """The job's S3 locations, from its request: the provider reads the description of a job that has ended."""
        from airflow.providers.openlineage.extractors import OperatorLineage

        lineage = job_lineage(self.kind, self.config, self.started_name or self.config[self.kind.name_key])
        return OperatorLineage(
            inputs=[self.path_to_s3_dataset(uri) for uri in self.reads or lineage.inputs],
            outputs=[self.path_to_s3_dataset(uri) for uri in lineage.outputs],
        )


class SageMakerStartProcessingJobOperator(StartOrAdoptJob, SageMakerProcessingOperator):
    """Start a processing job, or adopt the one that an earlier try of this task started.

    A job under the request's name that is InProgress or Completed and carries the fingerprint of the same request is
    adopted. A failed or stopped one, or one of another request, is left alone, and the job starts under the next
    attempt's name (``<name>-2``, ``<name>-3``, …); output prefixes that end with the name follow it.
    Waiting is :class:`~sagemaker_pca.sensors.jobs.SageMakerProcessingJobSensor`'s business.

    :param config: request of :py:meth:`SageMaker.Client.create_processing_job`, or a callable that makes it (templated)
    :param skip_reason: why the run needs no such job, which skips the task; None starts it (templated)
    :param reads: S3 locations of the data that the job reads, for OpenLineage; None takes the request's inputs, which
        may be code and manifests (templated)
    :return: ``{"name", "arn", "attempt", "adopted"}`` of the job
    """

    kind = PROCESSING_JOB
    template_fields: Sequence[str] = aws_template_fields("config", "skip_reason", "reads")

    def __init__(self, *, config: Request, skip_reason: Any = None, reads: Any = None, **kwargs: Any) -> None:
        super().__init__(config=config, wait_for_completion=False, print_log=False, deferrable=False, **kwargs)
        self.skip_reason = skip_reason
        self.reads = reads


class SageMakerStartTrainingJobOperator(StartOrAdoptJob, SageMakerTrainingOperator):
    """Start a training job, or adopt the one that an earlier try of this task started.

    Adoption and attempts work as in :class:`SageMakerStartProcessingJobOperator`.

    :param config: request of :py:meth:`SageMaker.Client.create_training_job`, or a callable that makes it (templated)
    :return: ``{"name", "arn", "attempt", "adopted"}`` of the job
    """

    kind = TRAINING_JOB

    def __init__(self, *, config: Request, **kwargs: Any) -> None:
        super().__init__(config=config, wait_for_completion=False, print_log=False, deferrable=False, **kwargs)


class SageMakerStartTransformJobOperator(StartOrAdoptJob, SageMakerTransformOperator):
    """Start a batch transform job, or adopt the one that an earlier try of this task started.

    Adoption and attempts work as in :class:`SageMakerStartProcessingJobOperator`.

    :param config: request of :py:meth:`SageMaker.Client.create_transform_job`, or a callable that makes it (templated)
    :return: ``{"name", "arn", "attempt", "adopted"}`` of the job
    """

    kind = TRANSFORM_JOB
    # The provider's link reads an XCom that only its own execute writes, and knows only the AWS console.
    operator_extra_links = SageMakerPcaOperator.operator_extra_links  # type: ignore[assignment]

    def __init__(self, *, config: Request, **kwargs: Any) -> None:
        super().__init__(config=config, wait_for_completion=False, deferrable=False, **kwargs)


class SageMakerCreateModelOperator(StartOrAdopt, SageMakerModelOperator):
    """Create a model, or adopt the one that an earlier try of this task created.

    :param config: request of :py:meth:`SageMaker.Client.create_model`, or a callable that makes it (templated)
    :param skip_reason: why the run needs no such model, which skips the task; None creates it (templated)
    :return: ``{"name", "arn", "attempt", "adopted"}`` of the model
    """

    kind = MODEL
    template_fields: Sequence[str] = aws_template_fields("config", "skip_reason")

    def __init__(self, *, config: Request, skip_reason: Any = None, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.skip_reason = skip_reason


class SageMakerCreateEndpointConfigOperator(StartOrAdopt, SageMakerEndpointConfigOperator):
    """Create an endpoint configuration, or adopt the one that an earlier try of this task created.

    :param config: request of :py:meth:`SageMaker.Client.create_endpoint_config`, or a callable making it (templated)
    :return: ``{"name", "arn", "attempt", "adopted"}`` of the configuration
    """

    kind = ENDPOINT_CONFIG
