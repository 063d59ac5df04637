"""CloudWatch alarms in the state that a test wants: the embedded service evaluates no metrics."""

from __future__ import annotations

from typing import Any


def put_alarm(cloudwatch: Any, name: str, state: str) -> None:
    """Make an alarm, in a state: `OK`, `ALARM` or `INSUFFICIENT_DATA`."""
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )
    set_alarm(cloudwatch, name, state)


def set_alarm(cloudwatch: Any, name: str, state: str) -> None:
    """Bring an alarm into a state."""
    cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")
