"""Hold the scored rows of a batch transform against what was read, and say whether the data has drifted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from airflow.sdk.exceptions import AirflowSkipException

from sagemaker_pca.exceptions import InputError, SmokeTestError
from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.monitoring import Scores
from sagemaker_pca.model.sampled_rows import SampledRows
from sagemaker_pca.notifications import drift_notifier
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.wording import percent_text
from sagemaker_pca.run import tasks
from sagemaker_pca.steps.choose_model import read_card
from sagemaker_pca.steps.processing_results import read_sample
from sagemaker_pca.steps.transform_run import TransformRun

# The container's sums have another order than ours.
SCORE_TOLERANCE = 1e-8


def check_scores(run: TransformRun) -> dict[str, Any]:
    """Count every part's rows, compare sampled scores with the model card's, and write what came of it.

    Raises:
        AirflowSkipException: when the run writes projections.
        InputError: when a part is missing or cut off, or holds other rows than were read.
        SmokeTestError: when a score differs from that of the model's card.
    """
    if not run.plan.transform.is_scored:
        raise AirflowSkipException("output=projections: the transform job writes them.")
    documents = run.moments_documents
    parts = [part for document in documents for part in document["scores"]]
    rows = sum(int(document["row_count"]) for document in documents)
    check_parts(run, parts, rows)
    card = read_card(run.hook, run.plan.card_uri, run.plan.model_name)
    check_sample(run, card, read_sample(run))
    is_judged = card.model.limits is not None and card.model.limits.is_judging
    files = [entry for document in documents for entry in document["exceedances"]["files"]]
    result: dict[str, Any] = {
        "model_name": run.plan.model_name,
        "scores_uri": run.scores_uri,
        "rows": rows,
        "raw_files": [file for document in documents for file in document["files"]],
        "outputs": parts,
        # Of a model without limits nobody knows.
        "exceedance": shares(files, rows) if is_judged else None,
        "files": files,
        "windows": [entry for document in documents for entry in document["exceedances"]["windows"]],
    }
    run.hook.write_json(run.plan.files.uri("report/batch_transform.json"), result)
    run.hook.log.info("Scored %s to %s.", counted(rows, "row"), run.scores_uri)
    run.context["ti"].xcom_push(key=tasks.RUN_NOTE_KEY, value=scores_line(run, result))
    # A window has its place in the file: XCom holds no list as long as the data.
    return {name: value for name, value in result.items() if name not in ("outputs", "windows")}


def check_parts(run: TransformRun, parts: list[dict[str, Any]], rows: int) -> None:
    """Refuse parts that are not there as the job wrote them, and rows that are in none.

    Raises:
        InputError: naming the first such part.
    """
    sizes = {item["Key"].rsplit("/", 1)[-1]: item["Size"] for item in run.hook.list_objects(run.scores_uri)}
    hint = "Clear start_processing to run it again."
    for part in parts:
        found = sizes.get(part["name"])
        if found != part["bytes"]:
            state = "is missing" if found is None else f"has {found:,} bytes"
            raise InputError(
                f"{run.scores_uri}{part['name']} {state}; the job wrote {part['bytes']:,} bytes.", hint=hint
            )
    if (scored := sum(int(part["rows"]) for part in parts)) != rows:
        raise InputError(
            f"{run.scores_uri} holds {counted(scored, 'scored row')} of {counted(rows, 'row')}.", hint=hint
        )


def check_sample(run: TransformRun, card: ModelCard, sample: SampledRows) -> None:
    """Compare the job's scores of sampled rows with those of the card's model: either side has its own formulas.

    Raises:
        InputError: when the job kept no scores.
        SmokeTestError: naming the statistics that differ.
    """
    if sample.scores is None:
        raise InputError(
            "The processing job kept no scores of its sample rows.", hint="Clear start_processing to run it again."
        )
    if differing := differing_scores(sample.scores, card.monitored.score(sample.rows)):
        raise SmokeTestError(
            f"The job's {' and '.join(differing)} of {counted(len(sample.rows), 'sampled row')} are not those of model "
            f"{run.plan.model_name}: its code, or the model that it got, is another one.",
            hint="Clear stage_inputs, so that both are uploaded anew.",
        )


def differing_scores(found: Scores, expected: Scores) -> list[str]:
    """Which statistics differ by more than rounding, beside the largest number that each is made of.

    Of a row on the model's plane Q is rounding alone: it is held against the row's whole distance from the centre.
    """
    if found.projections.shape != expected.projections.shape:
        return ["projections"]
    distances = np.sum(expected.projections**2, axis=1) + expected.q
    beside = {"projections": np.abs(expected.projections), "T²": expected.t_squared, "Q": distances}
    return [
        name
        for (name, numbers), here, there in zip(beside.items(), found, expected, strict=True)
        if not np.abs(here - there).max(initial=0.0) <= SCORE_TOLERANCE * numbers.max(initial=0.0)
    ]


def shares(files: list[dict[str, Any]], rows: int) -> dict[str, float]:
    """Share of all rows beyond each limit."""
    total: Counter[str] = Counter()
    for file in files:
        total.update({name: count for name, count in file.items() if name.endswith(("_95", "_99"))})
    return {name: count / rows for name, count in total.items()}


def scores_line(run: TransformRun, checked: Mapping[str, Any]) -> str:
    """How many rows lie beyond the limits, in a line that begins with drift where they are too many."""
    limit, exceedance = run.plan.transform.max_exceedance, checked["exceedance"]
    line = f"{counted(checked['rows'], 'row')} scored by model {run.plan.model_name}"
    if exceedance is None:
        return f"scored: {line}, which has no limits"
    line += f", {percent_text(exceedance['either_99'])} of them beyond its 99% limits"
    if limit is None:
        return f"scored: {line}"
    allowed = f"max_exceedance={percent_text(limit)}"
    return (
        f"drift: {line}, more than {allowed}"
        if exceedance["either_99"] > limit
        else f"scored: {line}, within {allowed}"
    )


def tell_drift(run: TransformRun) -> dict[str, Any]:
    """Tell the pipeline's followers, and the notifier, that more rows lie beyond the limits than the settings allow.

    Raises:
        AirflowSkipException: when they do not.
    """
    limit, checked = run.plan.transform.max_exceedance, run.needed_result(tasks.CHECK_SCORES)
    line = scores_line(run, checked)
    if limit is None:
        raise AirflowSkipException(f"{line}: without max_exceedance it is reported, not judged.")
    if checked["exceedance"]["either_99"] <= limit:
        raise AirflowSkipException(f"{line}.")
    run.hook.log.warning("%s.", line)
    event = {name: checked[name] for name in ("model_name", "scores_uri", "rows", "exceedance")}
    event |= {"max_exceedance": limit, "run_name": run.plan.run_name, "endpoint_name": run.plan.config.endpoint_name}
    for asset in run.context["task"].outlets:
        run.context["outlet_events"][asset].extra = event
    if notify := drift_notifier():
        notify(run.context)
    return event
