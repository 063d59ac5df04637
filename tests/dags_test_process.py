"""`airflow dags test` again and again in one process, which imports Airflow once: that takes longer than a run.

`python -m tests.dags_test_process` reads an order a line, `{"arguments", "environment", "log"}`, carries it out as the
command line would, with all output in the log file, and answers with the exit code.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

RUN_SECONDS = 240


class DagsTestProcess:
    """A process that carries out commands of Airflow's command line, one at a time.

    :param environment: Airflow's, its home among it
    :param folder: where the output of each command goes
    """

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.home = Path(environment["AIRFLOW_HOME"])
        self._folder = folder
        self._commands = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.dags_test_process"],
            env={**environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
        """Exit code and output of a command, with some variables of the environment changed for it."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("the process was started without pipes")
        self._commands += 1
        log = self._folder / f"{self._commands}.log"
        order = {"arguments": list(arguments), "environment": dict(environment), "log": str(log)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        output = log.read_text(encoding="utf-8", errors="replace")
        if not answer:
            raise AssertionError(f"The process ended with {self._process.wait()}.\n{output[-6000:]}")
        return int(answer), output

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()


def carry_out(arguments: Sequence[str]) -> int:
    """Do what the command `airflow` does, and return its exit code."""
    from airflow.cli import cli_parser

    from sagemaker_pca.triggers.base import shared_hook

    shared_hook.cache_clear()  # it may be of the service that an earlier command talked to
    parsed: Any = cli_parser.get_parser().parse_args(arguments)
    try:
        parsed.func(parsed)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    return 0


def main() -> None:
    """Carry out orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    gc.set_threshold(50_000)  # what Airflow imports is collected again and again otherwise, and never garbage
    for line in sys.stdin:
        order = json.loads(line)
        before = {name: os.environ.get(name) for name in order["environment"]}
        os.environ |= order["environment"]
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.close(log)
        code = carry_out(order["arguments"])
        sys.stdout.flush()
        sys.stderr.flush()
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        answers.write(f"{code}\n")
        answers.flush()
    os._exit(0)  # Airflow's threads would keep the process, long after whoever gave the orders


if __name__ == "__main__":
    main()
