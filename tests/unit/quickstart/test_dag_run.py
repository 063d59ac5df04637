from __future__ import annotations

import json

from quickstart.dag_run import request_line


def test_the_request_is_one_line_whatever_the_settings_hold() -> None:
    line = request_line({"delimiter": "\n", "raw_data_uri": "s3://ä/"}, {"A": "b"})
    assert line.endswith("\n")
    assert line.count("\n") == 1
    request = {"conf": {"delimiter": "\n", "raw_data_uri": "s3://ä/"}, "environment": {"A": "b"}}
    assert json.loads(line) == request
