"""The run report: one versioned document of what a run did, measured and left in service.

It owns the schema, its JSON and the sentences about a run; `report_page`, `report_plots` and `report_text` draw it.
Every section but run, steps and settings may be missing, for a run can fail anywhere.
"""

import json
import math
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, JsonValue, ValidationError

from sagemaker_pca.evaluation import Check
from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model_comparison import Comparison
from sagemaker_pca.setting_layers import Origin

SCHEMA_VERSION: Final = 1


def _plain(value: Any) -> Any:
    """NumPy becomes plain Python, and what JSON cannot hold (NaN, infinity) becomes None."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_plain(item) for item in value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _listed(value: Any) -> Any:
    """A tuple, which settings hold, as the list that JSON makes of it."""
    return list(value) if isinstance(value, tuple) else value


Number = Annotated[float | None, BeforeValidator(_plain)]
Vector = Annotated[tuple[float | None, ...], BeforeValidator(_plain)]
Matrix = Annotated[tuple[tuple[float | None, ...], ...], BeforeValidator(_plain)]


class Section(BaseModel):
    """Part of a report: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Verdict(StrEnum):
    """How a run ended."""

    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED = "skipped"


class Run(Section):
    """Which run it was, and how it ended in words; run_name is the name that its AWS resources carry."""

    dag_id: str
    run_id: str
    run_name: str
    started_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    verdict: Verdict
    reason: str = ""


class Step(Section):
    """One task instance; state is Airflow's word for it."""

    task_id: str
    state: str | None = None
    started_at: AwareDatetime | None = None
    duration_seconds: Number = None
    note: str = ""


class Setting(Section):
    """One resolved setting and the layer that set it."""

    name: str
    value: Annotated[JsonValue, BeforeValidator(_listed)]
    origin: Origin
    section: str = ""
    help: str = ""


class Column(Section):
    """Statistics of one feature column in raw units, missing values as filled."""

    name: str
    mean: Number = None
    std: Number = None
    minimum: Number = None
    maximum: Number = None
    null_fraction: Number = None


class RawFile(Section):
    """A raw file and the rows that came from it."""

    name: str
    rows: int


class BadRow(Section):
    """A row that was skipped: its file, its line (in Parquet its row), and why."""

    file: str
    line: int
    reason: str


class Data(Section):
    """What the model was trained on, columns in the order of the features; bad_rows are the first that were skipped."""

    row_count: int
    columns: tuple[Column, ...]
    files: tuple[RawFile, ...] = ()
    skipped_rows: int = 0
    bad_rows: tuple[BadRow, ...] = ()


class Projector(Section):
    """x ↦ (x - mean) @ components; mean (d,), components (d, k) with the largest component last, as in the artifact."""

    mean: Vector
    components: Matrix


class Model(Section):
    """The trained model: what is served takes raw units; as_trained is set where features were standardized."""

    artifact_uri: str
    singular_values: Vector
    explained_variance_ratio: Vector
    served: Projector
    as_trained: Projector | None = None
    scale: Vector | None = None


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


class ProjectionSample(Section):
    """Up to 500 projected rows for a plot: the two or three largest components, the largest FIRST."""

    row_numbers: tuple[int, ...]
    projections: Matrix


class Resource(Section):
    """Something the run made or used, and where to look at it."""

    kind: str
    name: str
    console_url: str | None = None


class FailedStep(Section):
    """The step that ended the run, with the last lines of its log."""

    task_id: str
    error: str = ""
    log_tail: tuple[str, ...] = ()


class RunReport(Section):
    """Everything a person or a program has to know about one run."""

    schema_version: Literal[1] = SCHEMA_VERSION
    run: Run
    steps: tuple[Step, ...]
    settings: tuple[Setting, ...]
    data: Data | None = None
    model: Model | None = None
    checks: tuple[Check, ...] = ()
    comparison: Comparison | None = None
    deployment: Deployment | None = None
    smoke_test: SmokeTest | None = None
    projection_sample: ProjectionSample | None = None
    resources: tuple[Resource, ...] = ()
    failed_step: FailedStep | None = None

    def to_json(self) -> str:
        """The report as JSON text."""
        return self.model_dump_json(indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Read a report; InputError when it is not one, or one of a version this code does not know."""
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise InputError(f"This is not a run report: {error}. Give the report.json of a run.") from error
        version = document.get("schema_version") if isinstance(document, dict) else None
        if version != SCHEMA_VERSION:
            raise InputError(
                f"schema_version={version!r} is not the {SCHEMA_VERSION} that this code reads. "
                "Read the report with the version of the project that wrote it."
            )
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise InputError(f"This run report is damaged: {error}. Publish the run's results again.") from error
