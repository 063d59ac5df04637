"""Models: any may be kept; what of one can be served is looked at when it is to be served."""

from collections.abc import Callable, Mapping
from typing import Any

from sagemaker_local import images
from sagemaker_local.exceptions import UnsupportedError, ValidationError, require_members
from sagemaker_local.object_store import ObjectStore
from sagemaker_local.resources import Kind, as_given

MODEL = Kind(
    noun="Model",
    arn_type="model",
    missing='Could not find model "{arn}".',
    duplicate='Cannot create already existing model "{arn}".',
)


def describe_new_model(request: Mapping[str, Any], store: ObjectStore) -> dict[str, Any]:
    """Return a model's description; raises ValidationError for one without containers or without its artifact."""
    require_members(request, "ExecutionRoleArn")
    description = as_given(request)
    containers = _containers(description)
    if not containers or ("PrimaryContainer" in request and request.get("Containers")):
        raise ValidationError("A model has either a PrimaryContainer or Containers.")  # not the service's wording
    for container in containers:
        container.setdefault("Mode", "SingleModel")
        container.setdefault("Environment", {})
        if "ModelDataUrl" in container and container["Mode"] == "SingleModel":
            store.require_model_data(container["ModelDataUrl"])
    return description | {"EnableNetworkIsolation": bool(request.get("EnableNetworkIsolation"))}


def served_model(model: Mapping[str, Any], find_package: Callable[[str], Any]) -> dict[str, Any]:
    """Return a model's description with the one container that serves it as its PrimaryContainer.

    A registered package is taken for what it holds. Raises UnsupportedError for what cannot run here.
    """
    containers = _containers(model)
    if len(containers) != 1:
        raise UnsupportedError("sagemaker_local serves models with one container: give PrimaryContainer.")
    container = dict(containers[0])
    if "ModelPackageName" in container:
        held = (find_package(container["ModelPackageName"]).inference_specification or {}).get("Containers", ())
        if len(held) != 1:
            raise UnsupportedError(
                f"sagemaker_local serves model packages with one container; {container['ModelPackageName']} has "
                f"{len(held)}. Register the model with an InferenceSpecification of one."
            )
        container = {
            **held[0],
            **container,
            "Environment": {**held[0].get("Environment", {}), **container["Environment"]},
        }
    if "Image" not in container or "ModelDataSource" in container or container["Mode"] == "MultiModel":
        raise UnsupportedError(
            "sagemaker_local serves containers with Image and ModelDataUrl in SingleModel mode only."
        )
    images.require_pca(container["Image"], "a model")
    return {**model, "PrimaryContainer": container}


def _containers(model: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [*model.get("Containers", ()), *filter(None, [model.get("PrimaryContainer")])]
