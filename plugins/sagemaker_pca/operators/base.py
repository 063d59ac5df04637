"""The provider's base operator on our hook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from airflow.providers.amazon.aws.operators.sagemaker import SageMakerBaseOperator
from airflow.sdk import BaseOperatorLink

from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.links import SageMakerResourceLink, Target

Request = dict[str, Any] | Callable[..., dict[str, Any]]
"""A boto3 request, or a callable that makes it from the task's context when the task runs."""


class SageMakerPcaOperator(SageMakerBaseOperator):
    """An operator whose hook is ours and whose request may be made when the task runs."""

    aws_hook_class = SageMakerPcaHook

    def __init__(self, *, config: Request, **kwargs: Any) -> None:
        # Airflow calls a templated field that is callable; the provider's annotation knows only dicts.
        super().__init__(config=cast("dict[str, Any]", config), **kwargs)

    operator_extra_links: tuple[BaseOperatorLink, ...] = (SageMakerResourceLink(),)

    @property
    def link_target(self) -> Target | None:
        """What the task's link leads to; None before there is anything."""
        return None

    @property
    def pca_hook(self) -> SageMakerPcaHook:
        """The operator's hook, typed."""
        return cast("SageMakerPcaHook", self.hook)
