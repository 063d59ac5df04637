"""What all deferred waits share: one client per connection, a deadline of their own, polling with backoff."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import json
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from airflow.sdk.execution_time.task_runner import RuntimeTaskInstance
from airflow.triggers.base import BaseTrigger, TriggerEvent

from sagemaker_pca.hooks.errors import Outlook, is_transient, outlook
from sagemaker_pca.hooks.sagemaker_hook import SageMakerPcaHook
from sagemaker_pca.triggers.polling import delays

# When a trigger fires before the scheduler has heard that the deferring worker is gone, Airflow takes the worker's exit
# for a failure of the resumed task (https://github.com/apache/airflow/issues/72716). A worker may be heard of as late
# as [workers] min_heartbeat_interval, 5 s, plus a round of the scheduler.
SHORTEST_DEFERRAL_SECONDS = 8.0
# The triggerer closes a wait's log when it hears that the wait has fired. Lines come to it by another way, and those of
# the same moment would be lost: the last of a job's log among them.
LAST_LINES_SECONDS = 0.2
# Threads of their own, as many as a boto3 client has connections: while the service does not answer, looks must not
# take the threads that other triggers, and stopping a job, need.
LOOKS = ThreadPoolExecutor(max_workers=10, thread_name_prefix="sagemaker-wait")


@functools.cache
def shared_hook(connection: str) -> SageMakerPcaHook:
    """The hook of a connection (its arguments as JSON): boto3 clients are thread-safe, and each costs megabytes."""
    return SageMakerPcaHook(**json.loads(connection))


def connection_of(task: Any) -> dict[str, Any]:
    """The arguments of an AWS operator's or sensor's connection that its trigger needs."""
    names = ("aws_conn_id", "region_name", "verify", "botocore_config")
    return {name: getattr(task, name) for name in names}


class SageMakerWaitTrigger(BaseTrigger):
    """Fire ``{"status": "ended"}`` when the thing waited for rests, ``{"status": "timeout"}`` at the deadline.

    Subclasses look once in :meth:`still_changing`, which runs in a thread: an aiobotocore client of its own per wait
    would cost 18 MB and die with its event loop.

    :param poll_seconds: seconds between two looks, at the start
    :param deadline: when to give up, in seconds since the epoch. The trigger keeps it itself: Airflow's own trigger
        timeout ends the wait without a word to the operator, and ``airflow dags test`` ignores it
    :param aws_conn_id: AWS connection
    :param region_name: AWS region, unless it is the connection's
    :param verify: whether to verify TLS certificates
    :param botocore_config: botocore client settings
    """

    def __init__(
        self,
        *,
        poll_seconds: float,
        deadline: float,
        aws_conn_id: str | None = "aws_default",
        region_name: str | None = None,
        verify: bool | str | None = None,
        botocore_config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.poll_seconds = poll_seconds
        self.deadline = deadline
        self.aws_conn_id = aws_conn_id
        self.region_name = region_name
        self.verify = verify
        self.botocore_config = botocore_config

    def arguments(self) -> dict[str, Any]:
        """Arguments to make this trigger again; subclasses add theirs."""
        return {
            "poll_seconds": self.poll_seconds,
            "deadline": self.deadline,
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "botocore_config": self.botocore_config,
        }

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, for the triggerer."""
        return f"{type(self).__module__}.{type(self).__qualname__}", self.arguments()

    @property
    def hook(self) -> SageMakerPcaHook:
        """The hook that all waits on this connection share. Builds a client at first use: never on the event loop."""
        arguments = {
            "aws_conn_id": self.aws_conn_id,
            "region_name": self.region_name,
            "verify": self.verify,
            "config": self.botocore_config,
        }
        return shared_hook(json.dumps(arguments, sort_keys=True))

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Look until the thing waited for rests or the deadline is reached; then fire once.

        The first look comes after a delay: the task looked when it deferred.
        """
        in_triggerer = self.task_instance is not None
        if in_triggerer:
            await asyncio.sleep(SHORTEST_DEFERRAL_SECONDS - self.poll_seconds)
        for delay in delays(self.poll_seconds):
            await asyncio.sleep(delay)
            changing = await self._look()
            if not changing or time.time() >= self.deadline:
                if in_triggerer:
                    await asyncio.sleep(LAST_LINES_SECONDS)
                yield TriggerEvent({"status": "timeout" if changing else "ended"})
                return

    async def _look(self) -> bool:
        """Whether to look again; an outage that outlasts the client's own retries says nothing about the job."""
        # The context tells Airflow to whose log a thread's lines belong.
        look = functools.partial(contextvars.copy_context().run, self.still_changing)
        try:
            return await asyncio.get_running_loop().run_in_executor(LOOKS, look)
        except Exception as error:
            if outlook(error) is not Outlook.PASSES:
                # Renewed credentials, say, are in the connection, and in hooks that are made from now on.
                shared_hook.cache_clear()
            if not is_transient(error):
                raise
            self.log.warning("The service cannot be asked, looking again: %s", error)
            return True

    @abstractmethod
    def still_changing(self) -> bool:
        """Look once; whether to look again."""

    def task_state(self) -> str | None:
        """State of the waiting task instance, to tell why somebody ended the wait."""
        instance = self.task_instance
        if instance is None:
            return None
        states = RuntimeTaskInstance.get_task_states(
            dag_id=instance.dag_id, task_ids=[instance.task_id], run_ids=[instance.run_id], map_index=instance.map_index
        )
        state: str | None = next(iter(states.get(instance.run_id, {}).values()), None)
        return state
