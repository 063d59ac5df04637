"""What the processing hosts of a run wrote beside the features, as values."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.choice import ComponentChoice, choose_components
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.model.sampled_rows import SampledRows
from sagemaker_pca.report.wording import percent_text
from sagemaker_pca.run import tasks
from sagemaker_pca.steps.pipeline_run import PipelineRun


def read_moments(run: PipelineRun) -> Moments:
    """The moments of all rows.

    Raises:
        InputError: when hosts are missing, disagree, read the same file, or found no row at all.
    """
    scatters = {host: np.load(content) for host, content in _contents(run, "scatter-", ".npy")}
    return Moments.from_documents(run.moments_documents, scatters)


def read_sample(run: PipelineRun) -> SampledRows:
    """An even sample of all rows.

    Raises:
        InputError: when the job kept none.
    """
    kept: dict[str, dict[str, NDArray[Any]]] = {}
    for host, content in _contents(run, "sample-", ".npz"):
        with np.load(content) as arrays:
            kept[host] = dict(arrays)
    try:
        return SampledRows.of_hosts(run.moments_documents, kept)
    except InputError as error:
        job = run.created_name(tasks.START_PROCESSING)
        raise InputError(
            f"Processing job {job}: {error.failure.reason}", hint="Clear start_processing to run it again."
        ) from None


def choose_by_variance(run: PipelineRun, share: float) -> ComponentChoice:
    """The fewest components that explain a share of the variance of all rows.

    Raises:
        InputError: when nothing varies.
    """
    choice = choose_components(read_moments(run), share, run.plan.config.subtract_mean)
    run.hook.log.info(
        "%d components are the fewest that explain %s of the variance: %s.",
        choice.count,
        percent_text(share),
        percent_text(choice.explained),
    )
    return choice


def _contents(run: PipelineRun, prefix: str, suffix: str) -> Iterator[tuple[str, io.BytesIO]]:
    """Per host the content of the file that begins and ends so."""
    for uri in run.stats_uris:
        name = uri.rsplit("/", 1)[-1]
        if name.startswith(prefix) and name.endswith(suffix):
            yield name.removeprefix(prefix).removesuffix(suffix), io.BytesIO(run.hook.read_bytes(uri))
