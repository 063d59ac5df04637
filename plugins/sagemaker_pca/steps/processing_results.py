"""What the processing hosts of a run wrote beside the features, as values."""

from __future__ import annotations

import io
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
    scatters = {
        host: np.load(io.BytesIO(run.hook.read_bytes(uri)))
        for uri in run.stats_uris
        if (host := host_of(uri, "scatter-", ".npy"))
    }
    return Moments.from_documents(run.moments_documents, scatters)


def read_sample(run: PipelineRun) -> SampledRows:
    """An even sample of all rows.

    Raises:
        InputError: when the job kept none.
    """
    places = {host_of(uri, "sample-", ".npz"): uri for uri in run.stats_uris}

    def read(host: str) -> dict[str, NDArray[Any]]:
        if host not in places:
            raise InputError(f"the sample of {host} is missing.")
        with np.load(io.BytesIO(run.hook.read_bytes(places[host]))) as arrays:
            return dict(arrays)

    try:
        return SampledRows.of_hosts(run.moments_documents, read)
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


def host_of(uri: str, prefix: str, suffix: str) -> str:
    """The host whose file begins and ends so; empty of any other file."""
    name = uri.rsplit("/", 1)[-1]
    is_such = name.startswith(prefix) and name.endswith(suffix)
    return name.removeprefix(prefix).removesuffix(suffix) if is_such else ""
