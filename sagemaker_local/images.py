"""Which container images can run here, and what running one means."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from sagemaker_local.exceptions import UnsupportedError

_ECR_IMAGE = re.compile(
    r"\d{12}\.dkr\.ecr\.[a-z0-9-]+\.[a-z0-9.-]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@sha256:[0-9a-f]{64})?"
)
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_SCIKIT_LEARN = "sagemaker-scikit-learn"
_PCA = "pca"
_PCA_TAGS = (None, "1", "latest")
_PROJECT = Path(__file__).resolve().parent.parent


def processing_command(image_uri: str, entrypoint: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return what a processing container runs; raises UnsupportedError for an image that cannot run here."""
    if _repository(image_uri)[0] != _SCIKIT_LEARN:
        raise _cannot_run(image_uri, "a processing job", f"{_SCIKIT_LEARN} images, with this installation's Python")
    if not entrypoint:
        raise UnsupportedError(
            f"sagemaker_local does not know the entry point that {image_uri} has of its own. "
            "Give AppSpecification.ContainerEntrypoint."
        )
    program = sys.executable if _PYTHON.fullmatch(Path(entrypoint[0]).name) else entrypoint[0]
    return [program, *entrypoint[1:], *arguments]


def training_command(image_uri: str) -> list[str]:
    """Return what a training container runs; raises UnsupportedError for an image that cannot run here."""
    require_pca(image_uri, "a training job")
    return [sys.executable, "-m", "sagemaker_local.pca_algorithm", "train"]


def transform_command() -> list[str]:
    """Return what the built-in algorithm's container runs to transform objects."""
    return [sys.executable, "-m", "sagemaker_local.transform_container", "/opt/ml"]


def require_pca(image_uri: str, purpose: str) -> None:
    """Raise UnsupportedError unless the image is the built-in PCA."""
    repository, tag = _repository(image_uri)
    if repository != _PCA or tag not in _PCA_TAGS:
        raise _cannot_run(image_uri, purpose, "the built-in algorithm pca:1")


def algorithm_environment() -> dict[str, str]:
    """Return what the built-in algorithm's image has in its environment."""
    return {"PYTHONPATH": str(_PROJECT)}


def _repository(image_uri: str) -> tuple[str | None, str | None]:
    match = _ECR_IMAGE.fullmatch(image_uri)
    return (match["repository"], match["tag"]) if match else (None, None)


def _cannot_run(image_uri: str, purpose: str, allowed: str) -> UnsupportedError:
    return UnsupportedError(f"sagemaker_local cannot run the image {image_uri} for {purpose}: it runs {allowed}.")
