"""Runs a task as a worker and a triggerer do together."""

import asyncio
import importlib
from functools import partial
from typing import Any

from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger, TriggerEvent


def run(task: Any, context: Any = None) -> Any:
    """What the task returns in the end, however often it defers."""
    context = context or {}
    call = partial(task.execute, context)
    while True:
        try:
            return call()
        except TaskDeferred as deferral:
            event = first_event_now(deferral.trigger)
            resume = getattr(task, deferral.method_name)
            call = partial(resume, context, event=event.payload, **(deferral.kwargs or {}))


def first_event_now(trigger: BaseTrigger) -> TriggerEvent:
    """The event that a trigger fires, in an event loop of its own."""
    return asyncio.run(first_event(trigger))


async def first_event(trigger: BaseTrigger) -> TriggerEvent:
    """The event that a trigger fires; the trigger is made again from its class path, as in the triggerer."""
    class_path, arguments = trigger.serialize()
    module, _, name = class_path.rpartition(".")
    again: BaseTrigger = getattr(importlib.import_module(module), name)(**arguments)
    async for event in again.run():
        return event
    raise AssertionError(f"{class_path} ended without an event")
