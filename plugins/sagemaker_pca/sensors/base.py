"""What all waits share: look, defer while the thing changes, then judge it by asking the service again."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, cast

from airflow.providers.amazon.aws.sensors.sagemaker import SageMakerBaseSensor
from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import BaseOperatorLink, Context, PokeReturnValue

from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.links import SageMakerLogLink, SageMakerResourceLink, Target
from sagemaker_pca.triggers.base import SageMakerWaitTrigger

Description = dict[str, Any]


class SageMakerWaitSensor(SageMakerBaseSensor):
    """Wait until something rests, and succeed only when it rests where it should.

    Returns the service's description, timestamps as ISO text.

    :param poll_seconds: seconds between two looks, at the start; grows slowly to four times that (templated)
    :param deferrable: wait in the triggerer, which takes no worker slot
    """

    aws_hook_class = SageMakerPcaHook
    operator_extra_links: tuple[BaseOperatorLink, ...] = (SageMakerResourceLink(), SageMakerLogLink())
    template_fields: Sequence[str] = aws_template_fields("poll_seconds")

    def __init__(self, *, poll_seconds: Any = 15, deferrable: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poll_seconds = poll_seconds
        self.deferrable = deferrable

    @property
    @abstractmethod
    def link_target(self) -> Target:
        """What the task's links lead to."""

    @abstractmethod
    def describe(self) -> Description:
        """Ask the service once."""

    @abstractmethod
    def is_changing(self, description: Description) -> bool:
        """Whether it makes sense to look again."""

    def check_limits(self, description: Description) -> None:
        """Raise because what is waited for has exceeded a limit of its own, whatever is left of the waiting budget."""

    @abstractmethod
    def verdict(self, description: Description) -> Description:
        """The description of a success; raises for anything else that rests."""

    @abstractmethod
    def trigger(self, description: Description) -> SageMakerWaitTrigger:
        """The deferred half."""

    @abstractmethod
    def give_up(self, description: Description) -> None:
        """Raise because the waiting budget is used up."""

    def execute(self, context: Context) -> Any:
        """Wait, in the triggerer or here, and return the description."""
        if not self.deferrable:
            self.poke_interval = float(self.poll_seconds)
            return super().execute(context)
        description = self.describe()
        if self._goes_on(description):
            self.defer(trigger=self.trigger(description), method_name="execute_complete")
        return self.verdict(description)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> Description:
        """Judge once the trigger has fired; the service is asked again, since an event can be old."""
        description = self.describe()
        if self._goes_on(description):
            if event["status"] == "timeout":
                self.give_up(description)
            self.defer(trigger=self.trigger(description), method_name="execute_complete")
        return self.verdict(description)

    def poke(self, context: Context) -> PokeReturnValue:
        """Look once, for sensors that wait in their worker."""
        description = self.describe()
        if self._goes_on(description):
            return PokeReturnValue(is_done=False)
        return PokeReturnValue(is_done=True, xcom_value=self.verdict(description))

    def _goes_on(self, description: Description) -> bool:
        if not self.is_changing(description):
            return False
        self.check_limits(description)
        return True

    @property
    def pca_hook(self) -> SageMakerPcaHook:
        """The sensor's hook, typed."""
        return cast("SageMakerPcaHook", self.hook)
