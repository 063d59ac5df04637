"""Faults on demand, for tests of clients.

`POST /sagemaker-local/faults` with a JSON object plans a fault, `GET` lists what is planned, `DELETE` forgets it all:

    {"fault": "throttle",        "target": "DescribeTrainingJob", "times": 3}   Rate exceeded
    {"fault": "expire_token",    "target": "UpdateEndpoint"}                    the caller's credentials ran out
    {"fault": "drop_connection", "target": "CreateEndpoint"}                    closed before anything happens
    {"fault": "lose_response",   "target": "CreateTrainingJob"}                 carried out, but never answered
    {"fault": "fail_job",        "target": "TrainingJob", "reason": "..."}      the next job that starts
    {"fault": "delay_job",       "target": "ProcessingJob", "seconds": 5}
    {"fault": "fail_endpoint",   "reason": "..."}                               the next endpoint does not start
    {"fault": "fail_update",     "reason": "..."}                               the next UpdateEndpoint does not succeed
    {"fault": "keep_old_model"}                                                 the next UpdateEndpoint changes nothing
    {"fault": "delay_endpoint",  "seconds": 5}                                  Creating or Updating takes longer

The first four target an action, InvokeEndpoint included. `times` is 1 unless given. `name` narrows a fault to jobs and
endpoints whose name holds that text, or, of the first four, to requests that hold it: clients that share the service
then meet their own faults only.
"""

import dataclasses
import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Status, code and message of an answer that takes the place of the action's own.
REFUSALS = {
    "throttle": (400, "ThrottlingException", "Rate exceeded"),
    "expire_token": (400, "ExpiredTokenException", "The security token included in the request is expired"),
}
_ACTION_FAULTS = (*REFUSALS, "drop_connection", "lose_response")
_JOB_FAULTS = ("fail_job", "delay_job")
_ENDPOINT_FAULTS = ("fail_endpoint", "fail_update", "keep_old_model", "delay_endpoint")
_JOBS = ("ProcessingJob", "TrainingJob", "TransformJob")


@dataclass(frozen=True)
class Fault:
    """A planned fault and how often it is still to come."""

    fault: str
    target: str = ""
    times: int = 1
    seconds: float = 0.0
    reason: str = "InternalServerError: This failure was asked for."
    name: str = ""

    def __post_init__(self) -> None:
        known = (*_ACTION_FAULTS, *_JOB_FAULTS, *_ENDPOINT_FAULTS)
        if self.fault not in known:
            raise ValueError(f"fault={self.fault!r} is unknown. Give one of {', '.join(known)}.")
        if self.fault in _ACTION_FAULTS and not self.target:
            raise ValueError(f"fault={self.fault!r} needs a target: the name of an action, such as CreateEndpoint.")
        if self.fault in _JOB_FAULTS and self.target not in _JOBS:
            raise ValueError(f"target={self.target!r} is no kind of job. Give one of {', '.join(_JOBS)}.")
        if self.times < 1 or self.seconds < 0:
            raise ValueError(f"times={self.times} must be at least 1 and seconds={self.seconds} at least 0.")


class Faults:
    """The planned faults."""

    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def take(self, fault: str, target: str = "", subject: str = "") -> Fault | None:
        """Use up one occurrence of a planned fault, if there is any for the subject: a resource's name or a request."""
        if not self._planned:
            return None
        with self._lock:
            for index, planned in enumerate(self._planned):
                if (planned.fault, planned.target) == (fault, target) and planned.name in subject:
                    rest = [dataclasses.replace(planned, times=planned.times - 1)] if planned.times > 1 else []
                    self._planned[index : index + 1] = rest
                    return planned
        return None

    def control(self, method: str, body: bytes) -> Mapping[str, Any]:
        """Answer a control call with the faults that are planned; raises ValueError in a sentence."""
        with self._lock:
            if method == "POST":
                self._planned.append(_parse(body))
            elif method == "DELETE":
                self._planned.clear()
            elif method != "GET":
                raise ValueError(f"{method} is not a control call. Use POST, GET or DELETE.")
            return {"faults": [dataclasses.asdict(fault) for fault in self._planned]}


def _parse(body: bytes) -> Fault:
    try:
        return Fault(**json.loads(body))
    except TypeError as error:
        raise ValueError(f"No JSON object of fault, target, times, seconds, reason and name: {error}") from error
