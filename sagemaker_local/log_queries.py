"""What moto's CloudWatch Logs lacks for finding the log of one job."""

import json
from typing import Any

from moto.logs.responses import LogsResponse


class LocalLogsResponse(LogsResponse):
    """CloudWatch Logs whose FilterLogEvents minds logStreamNamePrefix; moto answers with the events of all streams."""

    def filter_log_events(self) -> str:
        """Filter a page of moto's answer; as on AWS, a page may be short or empty and still have a next one."""
        answer: dict[str, Any] = json.loads(super().filter_log_events())
        prefix = self._get_param("logStreamNamePrefix", "")
        for found in ("events", "searchedLogStreams"):
            answer[found] = [item for item in answer[found] if item["logStreamName"].startswith(prefix)]
        return json.dumps(answer)
