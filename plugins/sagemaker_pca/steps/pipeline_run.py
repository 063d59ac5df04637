"""What the tasks of `pca_pipeline` know of each other: one typed accessor per fact, read from XCom once per try."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, ClassVar, Self, TypeVar

from airflow.sdk import Context, get_current_context

from sagemaker_pca.endpoints.records import CLAIM_SECONDS, DeploymentRecord, NotedClaim
from sagemaker_pca.exceptions import Failure, InputError
from sagemaker_pca.hooks.deployment_lease import DeploymentLease
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.run import tasks
from sagemaker_pca.run.plan import RunPlan, StagedInputs
from sagemaker_pca.task_states import task_states
from sagemaker_pca.variables import AWS_CONN_ID

# What a single property needs is imported there: DAG files import this module.
T = TypeVar("T")


class PipelineRun:
    """One run of the pipeline, seen from one try of one of its tasks.

    :param context: the task's context
    """

    _newest: ClassVar[tuple[Any, Any]] = (None, None)

    def __init__(self, context: Context) -> None:
        self.context = context
        self._results: dict[tuple[str, str], Any] = {}

    @classmethod
    def of(cls, context: Context) -> Self:
        """The run as one try of a task sees it: the same for each of its templated fields and for the task itself.

        Each would otherwise pull what it needs from XCom again, a request apiece.
        """
        ti, run = PipelineRun._newest
        if ti is not context["ti"] or type(run) is not cls:
            run = cls(context)
            PipelineRun._newest = (context["ti"], run)
        seen: Self = run
        return seen

    @classmethod
    def current(cls) -> Self:
        """The run that the calling task belongs to."""
        return cls.of(get_current_context())

    def result(self, task_id: str, key: str = "return_value") -> Any:
        """What a task of this run returned, None when it did not."""
        if (task_id, key) not in self._results:
            self._results[task_id, key] = self.context["ti"].xcom_pull(task_ids=task_id, key=key)
        return self._results[task_id, key]

    def needed_result(self, task_id: str) -> Any:
        """What a task of this run returned.

        Raises:
            InputError: when it returned nothing, because somebody marked it success before it was done.
        """
        result = self.result(task_id)
        if result is None:
            raise InputError(
                f"{task_id} was marked success and left no result.", hint="Clear it, so that it runs to its end."
            )
        return result

    @cached_property
    def hook(self) -> SageMakerPcaHook:
        """The hook of the pipeline's connection."""
        hook = SageMakerPcaHook(aws_conn_id=AWS_CONN_ID)
        if self.is_planned:
            hook.account = self.plan.account  # else each task would ask for it again
        return hook

    # --- what the tasks found and made -------------------------------------------------------------------------------

    @property
    def is_planned(self) -> bool:
        """Whether the run got as far as having a plan."""
        return self.result(tasks.PREFLIGHT) is not None

    @cached_property
    def plan(self) -> RunPlan:
        """What preflight decided."""
        return RunPlan.model_validate(self.needed_result(tasks.PREFLIGHT))

    @cached_property
    def inputs(self) -> StagedInputs:
        """What stage_inputs put in place."""
        return StagedInputs.model_validate(self.needed_result(tasks.STAGE_INPUTS))

    def created_name(self, task_id: str) -> str:
        """Name of the job or resource that a task created or adopted, attempt included."""
        return str(self.needed_result(task_id)["name"])

    @property
    def profile_uri(self) -> str | None:
        """Where the profile job put the moments of all hosts; None in a run that needs none."""
        if self.plan.config.why_no_profile:
            return None
        return self.plan.files.stats_uri(self.created_name(tasks.START_PROFILING))

    @property
    def features_uri(self) -> str:
        """Where the processing job put the features."""
        return self.plan.files.features_uri(self.created_name(tasks.START_PROCESSING))

    @property
    def training_features_uri(self) -> str:
        """Likewise, for the training job.

        Raises:
            SettingError: when the disk of a training host is too small for its share of them.
        """
        from sagemaker_pca.run.disk_space import HostDisks, refuse_small_volume

        sizes = {item["Key"]: item["Size"] for item in self.hook.list_objects(self.features_uri)}
        refuse_small_volume(HostDisks.of_training(self.plan.config), sizes)
        return self.features_uri

    @cached_property
    def stats_uris(self) -> list[str]:
        """Everything that the processing hosts wrote beside the features, in key order."""
        uri = self.plan.files.stats_uri(self.created_name(tasks.START_PROCESSING))
        return [f"s3://{self.plan.bucket}/{item['Key']}" for item in self.hook.list_objects(uri)]

    @cached_property
    def moments_documents(self) -> list[dict[str, Any]]:
        """The moments documents that the processing hosts wrote.

        Raises:
            InputError: when there are none.
        """
        documents = [self.hook.read_json(uri) for uri in self.stats_uris if uri.endswith(".json")]
        if not documents:
            job = self.created_name(tasks.START_PROCESSING)
            raise InputError(f"Processing job {job} left no moments.", hint="Clear start_processing to run it again.")
        return documents

    @property
    def mini_batch_size(self) -> int:
        """Rows that the training job reads at a time: as set, if every host has as many, or what fits."""
        from sagemaker_pca.run.training_batch import mini_batch_size

        config = self.plan.config
        part_rows = [int(part["rows"]) for document in self.moments_documents for part in document["parts"]]
        return mini_batch_size(config.mini_batch_size, part_rows, config.training_instance_count)

    @property
    def num_components(self) -> int:
        """Components that the training job keeps: as set, or the fewest that explain the share that is set."""
        share = self.plan.config.explained_variance
        if share is None:
            return self.plan.config.num_components
        from sagemaker_pca.steps.processing_results import choose_by_variance

        return choose_by_variance(self, share).count

    @property
    def trained_artifact_uri(self) -> str:
        """Where the training job put its artifact."""
        return str(self.needed_result(tasks.WAIT_FOR_TRAINING)["ModelArtifacts"]["S3ModelArtifacts"])

    @property
    def deployment_question(self) -> dict[str, Any] | None:
        """What a person is asked before the model is deployed; None where nobody is."""
        if not self.plan.config.deployment_approval:
            return None
        from sagemaker_pca.steps.ask_approval import deployment_question

        return deployment_question(self)

    @property
    def served_artifact_uri(self) -> str:
        """The artifact that the endpoint serves: the trained one, or that with scaling folded in."""
        return str(self.needed_result(tasks.EVALUATE_MODEL)["served_artifact_uri"])

    @property
    def next_endpoint_config(self) -> dict[str, Any]:
        """The request of the endpoint's next configuration, with what others set in the one in service."""
        from sagemaker_pca.steps.next_endpoint_config import next_endpoint_config

        return next_endpoint_config(self.hook, self.plan, self.created_name(tasks.CREATE_MODEL))

    @property
    def lease(self) -> DeploymentLease:
        """The endpoint's deployment lease, with this run as holder."""
        return DeploymentLease(self.plan.files.lease_uri, self.plan.run_name)

    @property
    def stop_to_respect(self) -> str | None:
        """Where a stop of the endpoint is remembered; None where the run deploys to a stopped endpoint too."""
        return self.plan.files.stopped_uri if self.plan.config.stopped_endpoint == "refuse" else None

    @property
    def claim(self) -> DeploymentLease:
        """The right to make this model for the endpoint, with this run as holder."""
        from sagemaker_pca.run.fingerprint import run_fingerprint

        uri = self.plan.files.claim_uri(run_fingerprint(self.plan, self.inputs))
        return DeploymentLease(uri, self.plan.run_name, CLAIM_SECONDS)

    @property
    def noted_claim(self) -> DeploymentLease | None:
        """The claim that this run noted before it took it; None where it never took one.

        What staging returned tells nothing: it may have been killed or cleared since, or have listed other files.
        """
        noted = self.hook.find_document(self.plan.files.claim_note_uri, NotedClaim)
        return None if noted is None else DeploymentLease(noted.uri, self.plan.run_name, CLAIM_SECONDS)

    # --- how the run goes --------------------------------------------------------------------------------------------

    @cached_property
    def states(self) -> dict[str, str]:
        """State of every task of the run, by task id."""
        return task_states(self.context)

    @property
    def failed_tasks(self) -> list[str]:
        """Tasks that failed by themselves, not for another one's sake, in the order of the states."""
        return [task_id for task_id, state in self.states.items() if state == "failed"]

    def failure(self, task_id: str) -> Failure:
        """Why a task failed; one that somebody marked failed, or killed, left no word."""
        document = self.result(task_id, tasks.FAILURE_KEY)
        if document is None:
            return Failure(reason="it was marked failed, or killed.", hint=f"The log of {task_id} may say more.")
        return Failure.model_validate(document)

    def skip_reason(self, task_id: str) -> str | None:
        """Why a task skipped itself; None where it did not: of a run that is marked failed Airflow skips what waits."""
        reason = self.result(task_id, tasks.SKIP_REASON_KEY) if self.states.get(task_id) == "skipped" else None
        return None if reason is None else str(reason)

    @property
    def is_unchanged(self) -> bool:
        """Whether the run ended before it began, since nothing had changed."""
        return self.skip_reason(tasks.STAGE_INPUTS) is not None

    @property
    def is_verified(self) -> bool:
        """Whether the endpoint was seen to answer as the new artifact does."""
        return self.states.get(tasks.SMOKE_TEST) == "success"

    @property
    def why_no_roll_back(self) -> str | None:
        """Why there is nothing to roll back; None where a deployment may have been begun and was not verified.

        What staging returned tells nothing: it is gone where staging was cleared while the deployment went on.
        """
        if not self.is_planned:
            return "The run ended before it planned anything."
        if self.is_unchanged:
            return "The run ended before it changed anything."
        return "The deployment is verified." if self.is_verified else None

    @property
    def rolled_back(self) -> DeploymentRecord | None:
        """The deployment that was asked to be undone, None where none was."""
        record = self.result(tasks.ROLL_BACK)
        return None if record is None else DeploymentRecord.model_validate(record)

    @property
    def rolled_back_to(self) -> str | None:
        """The configuration that has to be in service again; None where the endpoint was new and has to go."""
        return None if self.rolled_back is None else self.rolled_back.previous_endpoint_config_name


def from_run(read: Callable[[PipelineRun], T]) -> Callable[..., T]:
    """A templated field that is read from the run when the task starts, not when the DAG file is parsed."""

    def render(context: Context, jinja_env: Any) -> T:
        return read(PipelineRun.of(context))

    return render


def created_by(task_id: str) -> Callable[..., str]:
    """Likewise the name of the job or resource that a task created or adopted."""
    return from_run(lambda run: run.created_name(task_id))


def if_planned(read: Callable[[PipelineRun], T]) -> Callable[..., T | None]:
    """Likewise for tasks that run in any case: None in a run that has no plan."""
    return from_run(lambda run: read(run) if run.is_planned else None)
