"""The run report: one versioned document of what a run did, measured and left in service.

It owns the schema; `wording` says it in sentences, `page`, `plots` and `text` show it.
Every section but run, steps and settings may be missing, for a run can fail anywhere.
"""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BeforeValidator, JsonValue

from sagemaker_pca.documents import VersionedDocument
from sagemaker_pca.exceptions import Failure
from sagemaker_pca.model.card import Data, Model
from sagemaker_pca.model.checks import Check
from sagemaker_pca.model.comparison import Comparison
from sagemaker_pca.model.data_warnings import DataWarning
from sagemaker_pca.model.drift import Drift
from sagemaker_pca.model.sections import Matrix, Number, Section, Vector
from sagemaker_pca.settings.layers import Origin


def _listed(value: Any) -> Any:
    """A tuple, which settings hold, as the list that JSON makes of it."""
    return list(value) if isinstance(value, tuple) else value


class Verdict(StrEnum):
    """How a run ended."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    REFUSED = "refused"
    REJECTED = "rejected"
    FAILED = "failed"
    SKIPPED = "skipped"


class Run(Section):
    """Which run it was and how it ended: run_name is what its AWS resources carry, reason holds no log."""

    dag_id: str
    run_id: str
    run_name: str
    started_at: AwareDatetime
    finished_at: AwareDatetime
    verdict: Verdict
    reason: str = ""


class Step(Section):
    """One task instance; state is Airflow's word for it."""

    task_id: str
    state: str | None = None
    duration_seconds: Number = None
    note: str = ""


class Setting(Section):
    """One resolved setting and the layer that set it."""

    name: str
    value: Annotated[JsonValue, BeforeValidator(_listed)]
    origin: Origin
    section: str = ""
    help: str = ""


class Deployment(Section):
    """What the endpoint was asked to serve, and what it served before (None on a first run)."""

    endpoint_name: str
    endpoint_config_name: str
    model_name: str
    previous_endpoint_config_name: str | None = None
    verified: bool = False


class SmokeTest(Section):
    """Raw rows sent to the endpoint; one of them is shown, its projections with the largest component last."""

    rows: int
    raw_row: Vector
    endpoint_projection: Vector
    artifact_projection: Vector
    max_abs_difference: Number = None
    latency_p50_ms: Number = None
    latency_p95_ms: Number = None


class ColumnShare(Section):
    """How much a column contributes to a statistic of a row."""

    name: str
    value: Number = None


class OutlyingRow(Section):
    """A sampled row beyond a limit: its statistics and what each of the columns contributes, the largest first.

    :param row: its number among all rows of its file, from 1
    :param statistic: of T² and Q the one that exceeds its 99% limit the most times over, to which columns contribute
    """

    file: str
    row: int
    t_squared: Number = None
    q: Number = None
    statistic: Literal["T²", "Q"]
    contributions: tuple[ColumnShare, ...] = ()


class Signals(Section):
    """Consecutive rows of a recording beside their reconstruction from the components, one list a column, raw units."""

    file: str
    first_row: int
    columns: tuple[str, ...]
    original: Matrix
    reconstruction: Matrix


class ProjectionSample(VersionedDocument):
    """Up to 500 rows of all files, projected: the two or three largest components, the largest FIRST.

    :param row_numbers: each row's number among all rows of its file, from 1
    :param file_numbers: places of the rows' files among `files`; none of those in an older document
    :param t_squared: Hotelling's T² of each row
    :param q: squared distance of each row from its reconstruction
    """

    row_numbers: tuple[int, ...]
    projections: Matrix
    files: tuple[str, ...] = ()
    file_numbers: tuple[int, ...] = ()
    t_squared: Vector = ()
    q: Vector = ()
    outlying_rows: tuple[OutlyingRow, ...] = ()
    signals: Signals | None = None


class LinkedResource(Section):
    """Something the run made or used, and where to look at it."""

    kind: str
    name: str
    console_url: str | None = None


class JobUse(Section):
    """A job of the run, its instances and their time: billable_seconds are those of each instance.

    Cost is in the currency of the deployment's hourly_prices; the note says why nothing else is known.
    """

    kind: str
    name: str
    seconds: Number = None
    billable_seconds: Number = None
    instance_count: int | None = None
    instance_type: str | None = None
    cost: Number = None
    note: str = ""


class FailedStep(Section):
    """The step that ended the run, why, and the step to clear: for a failed wait the one that started what failed."""

    task_id: str
    failure: Failure
    clear_task_id: str | None = None


class RunReport(VersionedDocument):
    """Everything a person or a program has to know about one run."""

    run: Run
    steps: tuple[Step, ...]
    settings: tuple[Setting, ...]
    data: Data | None = None
    model: Model | None = None
    checks: tuple[Check, ...] = ()
    comparison: Comparison | None = None
    drift: Drift | None = None
    warnings: tuple[DataWarning, ...] = ()
    deployment: Deployment | None = None
    smoke_test: SmokeTest | None = None
    projection_sample: ProjectionSample | None = None
    jobs: tuple[JobUse, ...] = ()
    resources: tuple[LinkedResource, ...] = ()
    failed_step: FailedStep | None = None

    def to_json(self) -> str:
        """The report as JSON text."""
        return self.model_dump_json(indent=2) + "\n"
