"""The job's entry point: `python3 <this folder> @arguments.txt`."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from typing import NoReturn, Sequence

if not __package__:
    # Python, run on a folder, looks for modules in it and not beside it: there is no package `processing` as yet.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from processing.arguments import parse_arguments
from processing.job import run
from processing.messages import InputError, log, write_message


class NoPandas:
    """An import finder that knows only that there is no pandas.

    pyarrow imports pandas, where it is installed, with the first Python value it meets: a second and 60 MB for nothing.
    """

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Refuse pandas and leave any other module to the next finder."""
        if name == "pandas":
            raise ModuleNotFoundError("this job does without pandas", name=name)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 is success, 1 a failure that the log and the exit message explain."""
    arguments = parse_arguments(argv)
    try:
        outcome = run(arguments)
    except Exception as error:
        expected = isinstance(error, InputError)
        write_message(arguments.message_dir, str(error) if expected else f"{type(error).__name__}: {error}")
        if not expected:
            raise
        print(f"ERROR: {error}", file=sys.stderr, flush=True)
        return 1
    log(outcome)
    write_message(arguments.message_dir, outcome)
    return 0


def run_and_leave() -> NoReturn:
    """Run the job as this process, and end that without Python's own clearing up.

    After a failure Arrow may be reading ahead, through Python. Python, as it ends, kills a thread that comes back to
    it, and C++ makes that an abort: exit code -6 in place of 1.
    """
    status: object = 1
    try:
        status = main()
    except SystemExit as leaving:
        status = leaving.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status if isinstance(status, int) else 1)


if __name__ == "__main__":
    sys.meta_path.insert(0, NoPandas)
    # SageMaker stops a job with SIGTERM: leave by way of every `finally`, so that nothing partial stays.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(143))
    run_and_leave()
