"""One row to an endpoint: its projection beside that of the artifact it should serve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple

import numpy as np
from fastapi import HTTPException, Path, Response

from sagemaker_pca.endpoints.ownership import why_not_own
from sagemaker_pca.exceptions import DeploymentError, Failure, InputError, SmokeTestError
from sagemaker_pca.hooks.endpoint_client import SERVING, EndpointClient, csv_line
from sagemaker_pca.hooks.errors import code_of, is_transient
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.raw_row import parse_row
from sagemaker_pca.pages.access import MAY_TRIGGER, Format, PostedForm, dag_router
from sagemaker_pca.pages.documents import page_hook
from sagemaker_pca.pages.rendering import html_page, json_document
from sagemaker_pca.report.document import RunReport
from sagemaker_pca.report.wording import component_names
from sagemaker_pca.run.locations import RunFiles
from sagemaker_pca.run.plan import BUCKET_TAG, PIPELINE_TAG, tag_value
from sagemaker_pca.settings import patterns
from sagemaker_pca.variables import deployment_id

router = dag_router()

EndpointName = Annotated[str, Path(pattern=patterns.RESOURCE_NAME, max_length=63)]


class RecordedModel(NamedTuple):
    """What an endpoint should serve, by the run that made it: its files, its model card among them."""

    files: RunFiles
    card: ModelCard


@dataclass(frozen=True, slots=True)
class ProjectedComponent:
    """One component's number from both sides; they agree where float32 arithmetic explains the difference."""

    name: str
    endpoint: float
    artifact: float
    difference: float
    tolerance: float
    agrees: bool


@dataclass(frozen=True, slots=True)
class ProjectedRow:
    """The endpoint's answer to one row, the largest component first."""

    endpoint_name: str
    run_name: str
    components: tuple[ProjectedComponent, ...]
    agrees: bool
    latency_ms: float


@router.get("/endpoints/{endpoint_name}/try")
def ask(dag_id: str, endpoint_name: EndpointName) -> Response:
    """The form, filled in with the row that the smoke test sent."""
    hook, context = page_hook(), _context(dag_id, endpoint_name)
    try:
        served = find_served(hook, dag_id, endpoint_name)
        context["columns"] = served.card.feature_columns
        context["row"] = example_row(hook, served)
    except Exception as error:
        context["problem"] = in_words(error)
    return html_page("try_it.html", context)


@router.post("/endpoints/{endpoint_name}/try", dependencies=MAY_TRIGGER)
def project(dag_id: str, endpoint_name: EndpointName, form: PostedForm, answer: Format = "html") -> Response:
    """The endpoint's projection beside the artifact's, as a page or as JSON."""
    hook, context, status = page_hook(), _context(dag_id, endpoint_name), 200
    context["row"] = form.get("row", "")
    try:
        served = find_served(hook, dag_id, endpoint_name)
        context["columns"] = served.card.feature_columns
        context["answer"] = project_row(hook, served, context["row"])
    except Exception as error:
        # Without columns it was no row that could not be read.
        status = 422 if isinstance(error, InputError) and context["columns"] else 502
        context["problem"] = in_words(error)
    if answer == "json":
        document = json_document(context["answer"] or {"problem": context["problem"]})
        document.status_code = status
        return document
    return html_page("try_it.html", context, status=status)


def _context(dag_id: str, endpoint_name: str) -> dict[str, Any]:
    return {"dag_id": dag_id, "name": endpoint_name, "columns": (), "row": "", "answer": None, "problem": ""}


def find_served(hook: SageMakerPcaHook, dag_id: str, endpoint_name: str) -> RecordedModel:
    """What a pipeline's endpoint should serve, by the tags of the endpoint and of its configuration as they are now.

    Raises:
        HTTPException: 404, when the endpoint is not there or is not this pipeline's.
        DeploymentError: when it does not serve, or nobody can say what.
    """
    endpoint, own_id = hook.find_endpoint(endpoint_name), deployment_id()
    tags = hook.tags(endpoint["EndpointArn"]) if endpoint else {}
    if endpoint is None or why_not_own(tags, own_id) or tags.get(PIPELINE_TAG) != tag_value(dag_id):
        raise HTTPException(404, f"{dag_id} has no endpoint {endpoint_name}.")
    if endpoint["EndpointStatus"] not in SERVING:
        raise DeploymentError(
            f"endpoint {endpoint_name} is {endpoint['EndpointStatus']}: it does not answer.",
            hint="Come back when it is InService; a failed one needs a new run of its pipeline.",
        )
    made_by = hook.tags_of_config(endpoint["EndpointConfigName"])
    if why_not_own(made_by, own_id) or not {BUCKET_TAG, "run-name"} <= made_by.keys():
        raise DeploymentError(
            f"configuration {endpoint['EndpointConfigName']} of endpoint {endpoint_name} was made by no run of this "
            "Airflow, so there is no artifact to compare with.",
            hint=f"Trigger {dag_id} to deploy one.",
        )
    files = RunFiles(made_by[BUCKET_TAG], made_by["run-name"], endpoint_name)
    return RecordedModel(files, ModelCard.read(hook.read_bytes(files.model_card_uri), files.model_card_uri))


def example_row(hook: SageMakerPcaHook, served: RecordedModel) -> str:
    """The row that the smoke test of the run shows; empty where its report has none."""
    report = hook.find_document(served.files.report_json_uri, RunReport)
    row = report.smoke_test.raw_row if report and report.smoke_test else ()
    return csv_line(np.array(row, np.float64)).strip()


def project_row(hook: SageMakerPcaHook, served: RecordedModel, text: str) -> ProjectedRow:
    """Send a row, and hold the answer against the artifact's.

    Raises:
        InputError: when the text is no row of the model; nothing was sent then.
        SmokeTestError: when the answer has other components than the artifact.
    """
    files, card = served
    row = parse_row(text, card.feature_columns)[np.newaxis]
    model, client = card.model.served_model, EndpointClient(hook.runtime, files.endpoint_name)
    expected, tolerance = model.project(row), model.float32_tolerance(row)
    found = client.project(row)
    if found.shape != expected.shape:
        raise SmokeTestError(
            f"endpoint {client.name} answers {found.size} numbers, the artifact of run {files.run_name} has "
            f"{expected.size} components: another model is in service."
        )
    differences = found - expected
    numbers = np.vstack([found, expected, differences, tolerance])[:, ::-1].T.tolist()
    components = tuple(
        ProjectedComponent(name, endpoint, artifact, difference, allowed, abs(difference) <= allowed)
        for name, (endpoint, artifact, difference, allowed) in zip(component_names(len(numbers)), numbers, strict=True)
    )
    agrees = all(component.agrees for component in components)
    return ProjectedRow(client.name, files.run_name, components, agrees, client.latencies_ms[0])


def in_words(error: Exception) -> str:
    """Why there is no answer, and what to do. A refusal to show anything is raised as it is."""
    if isinstance(error, HTTPException):
        raise error
    if code_of(error) == "ModelError":
        return f"The model answered with an error; its log has the rest. {error}"
    if is_transient(error):
        return f"The endpoint was not reached this time: too many requests, or a lost connection. Try again. {error}"
    return str(Failure.of(error))
