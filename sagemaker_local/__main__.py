"""`python -m sagemaker_local`: the embedded service alone, until SIGTERM or SIGINT."""

import argparse
import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sagemaker_local.settings import Settings

_PARENT_POLL_SECONDS = 0.5
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_KEPT_BYTES = 1 << 25


def main(wrap: Callable[[Any], Any] = lambda application: application) -> int:
    """Serve until a signal arrives, with `wrap` as in `Server`; return the process's exit code."""
    parent = os.getppid()  # asked first: later the parent may be gone already
    _forget_profiles()
    _keep_memory()
    # Each request has its own thread; linear algebra with more of them would wait for each other's.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from sagemaker_local.server import Server  # loads NumPy, which reads the variable once

    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stop_asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: stop_asked.set())
    try:
        settings = Settings.from_environment()
        address = (arguments.host, arguments.port)
        server = Server(*address, settings, arguments.data_dir, wrap, host_names=arguments.allow_host)
        if arguments.buckets:
            server.fill_buckets(arguments.buckets)
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


def _forget_profiles() -> None:
    """Leave the machine's own AWS settings aside: moto asks boto3 for regions, which then wants the profile in use."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
        os.environ.pop(name, None)
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull)


def _keep_memory() -> None:
    """Keep what a large answer took for the next one, where the C library is glibc.

    Given back to the system, as it is by default, it has to be asked for again: half of such an answer's time.
    """
    library = ctypes.CDLL(None)
    if hasattr(library, "mallopt"):
        library.mallopt(_M_MMAP_THRESHOLD, _KEPT_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)


def _folder(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no folder")
    return path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m sagemaker_local", description="The embedded SageMaker.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at")
    parser.add_argument("--port", type=int, default=5055, help="port to listen at; 0 takes a free one")
    parser.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="further host name, without port, under which to answer; repeatable (loopback's names always work)",
    )
    parser.add_argument("--data-dir", type=Path, help="where jobs keep their files while they run")
    parser.add_argument(
        "--buckets",
        type=_folder,
        metavar="FOLDER",
        help="begin with buckets that hold files: each folder in FOLDER is a bucket of its name, in us-east-1",
    )
    parser.add_argument(
        "--stop-with-parent", action="store_true", help="end when the process that started this one is gone"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
