"""Inference: one request body in, projections out, in the formats and with the defaults of the built-in image."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sagemaker_local.pca_algorithm.content_type import ContentType
from sagemaker_local.pca_algorithm.model_file import MODEL_FILE_NAME, read_model
from sagemaker_local.pca_algorithm.payloads import ANSWERS, REQUESTS
from sagemaker_local.pca_algorithm.sums import Matrix

# The wording that a first-party container was seen to answer (aws/sagemaker-spark, k-means).
_BAD_PAYLOAD = "unable to evaluate payload provided"
_JSON, _JSON_LINES = "application/json", "application/jsonlines"


class ModelLoadError(Exception):
    """The model directory holds no readable PCA model."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer of the container."""

    status: int
    body: bytes
    content_type: str


@dataclass(frozen=True)
class Predictor:
    """A loaded model; safe to call from many threads."""

    vectors: Matrix
    mean: Matrix | None
    default_accept: str

    @classmethod
    def load(cls, model_dir: Path, environment: Mapping[str, str]) -> Self:
        """Load model_dir/model_algo-1; raises ModelLoadError.

        Batch transform sets SAGEMAKER_BATCH and is answered in JSON Lines unless it asks otherwise.
        """
        try:
            components = read_model(model_dir / MODEL_FILE_NAME)
        except (OSError, ValueError) as error:
            raise ModelLoadError(f"Unable to load model: {error}") from error
        is_batch = environment.get("SAGEMAKER_BATCH", "").lower() == "true"
        return cls(components.vectors, components.mean, _JSON_LINES if is_batch else _JSON)

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Reply:
        """Answer one POST /invocations: 200, 400 bad payload, 406 bad Accept or 415 bad Content-Type."""
        requested = ContentType.parse(content_type or "")
        if requested.media_type not in REQUESTS:
            return _error(415, f"content type {content_type} is not supported. Supported: {', '.join(REQUESTS)}")
        answer_type = self._answer_type(accept)
        if answer_type is None:
            return _error(406, f"accept type {accept} is not supported. Supported: {', '.join(ANSWERS)}")
        try:
            rows = REQUESTS[requested.media_type](body, requested, len(self.vectors))
        except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
            return _error(400, _BAD_PAYLOAD)
        projections = self.project(rows)
        if not np.isfinite(projections).all():
            return _error(400, _BAD_PAYLOAD)
        return Reply(200, ANSWERS[answer_type](projections), answer_type)

    @np.errstate(over="ignore", invalid="ignore")
    def project(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return the projections (n, k) of rows (n, d), largest component last, in the service's precision."""
        centred = rows if self.mean is None else rows - self.mean
        return (centred @ self.vectors).astype(np.float32)

    def _answer_type(self, accept: str | None) -> str | None:
        """Return the first acceptable type that can be written, or None."""
        for part in (accept or "*/*").split(","):
            media_type = ContentType.parse(part).media_type
            if media_type in ("*/*", "application/*"):
                return self.default_accept
            if media_type in ANSWERS:
                return media_type
        return None


def _error(status: int, message: str) -> Reply:
    return Reply(status, message.encode(), "text/plain")
