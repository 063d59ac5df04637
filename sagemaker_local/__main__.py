"""`python -m sagemaker_local`: the embedded service alone, until SIGTERM or SIGINT."""

import argparse
import ctypes
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from sagemaker_local.settings import Settings

_PARENT_POLL_SECONDS = 0.5
_MIB = 1024 * 1024
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_MALLOC_OPTIONS = {_M_TRIM_THRESHOLD: 256 * _MIB, _M_MMAP_THRESHOLD: 32 * _MIB, _M_ARENA_MAX: 1}


def main() -> int:
    """Serve until a signal arrives; return the process's exit code."""
    parent = os.getppid()  # asked first: later the parent may be gone already
    _keep_freed_memory()
    # Each request has its own thread; linear algebra with more of them would wait for each other's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from sagemaker_local.server import Server  # loads NumPy, which reads the variable once

    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop_asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop_asked.set())
    try:
        server = Server(arguments.host, arguments.port, Settings.from_environment(), arguments.data_dir)
    except (OSError, ValueError) as error:
        print(f"sagemaker_local cannot start on {arguments.host}:{arguments.port}: {error}", file=sys.stderr)  # noqa: T201
        return 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        print(f"sagemaker_local is listening at {server.url}", flush=True)  # noqa: T201
        while not stop_asked.wait(_PARENT_POLL_SECONDS):
            if arguments.stop_with_parent and os.getppid() != parent:
                break
    finally:  # whoever reads the line may be gone already
        server.stop()
    return 0


def _keep_freed_memory() -> None:
    """Let malloc reuse the buffers of large invocations: giving them back to the kernel takes longer than the rest."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; elsewhere there is none
    if mallopt is not None:
        for option, value in _MALLOC_OPTIONS.items():
            mallopt(option, value)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sagemaker_local", description="The embedded SageMaker.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=5055, help="port to listen at; 0 takes a free one")
    parser.add_argument("--data-dir", type=Path, help="where jobs keep their files while they run")
    parser.add_argument(
        "--stop-with-parent", action="store_true", help="end when the process that started this one is gone"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
