"""One running container: its /opt/ml, its process, its log. Where the platform allows, /opt/ml is mounted privately."""

import functools
import json
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sagemaker_local.log_stream import LogStream

_INIT = Path(__file__).with_name("container_init.py")
_PROJECT = Path(__file__).resolve().parent.parent
_OPT_ML = "/opt/ml"


@dataclass(frozen=True)
class ContainerRoot:
    """The directories of one host of a job: what its container sees as /opt/ml, /tmp and /dev/shm."""

    directory: Path

    def __post_init__(self) -> None:
        for path in (self.opt_ml, self.directory / "tmp", self.directory / "shm"):
            path.mkdir(parents=True, exist_ok=True)

    @property
    def opt_ml(self) -> Path:
        """The directory behind /opt/ml."""
        return self.directory / "opt" / "ml"

    def path(self, container_path: str) -> Path:
        """Return where a /opt/ml/... path of the container really is."""
        return self.opt_ml / Path(container_path).relative_to(_OPT_ML)

    def directory_at(self, container_path: str) -> Path:
        """Make a /opt/ml/... directory of the container and return where it really is."""
        path = self.path(container_path)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write_json(self, container_path: str, document: object) -> None:
        """Write a configuration file of the container."""
        path = self.path(container_path)
        self.directory_at(str(Path(container_path).parent))
        path.write_text(json.dumps(document), encoding="utf-8")


class Container:
    """A command in a container root; its output goes to a log stream."""

    def __init__(
        self,
        root: ContainerRoot,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: LogStream,
        *,
        memory_bytes: int = 0,
        private_mounts: bool = True,
    ) -> None:
        self.root = root
        self._log = log
        self._private = private_mounts and private_mounts_available()
        specification = _specification(root.directory, memory_bytes, self._private)
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_INIT), json.dumps(specification), *map(self._rewrite, command)],
            env=self._container_environment(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C is for the server, which then ends its containers
        )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()

    @property
    def exit_code(self) -> int | None:
        """The command's exit code once the container has ended and its output is in the log."""
        code = self._process.poll()
        if code is not None:
            self._reader.join()
        return code

    @property
    def sees_opt_ml(self) -> bool:
        """Whether /opt/ml is really there for the container, or only rewritten in arguments and environment."""
        return self._private

    def terminate(self) -> None:
        """Ask the command to end (SIGTERM)."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End everything in the container at once."""
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _rewrite(self, text: str) -> str:
        return text if self._private else text.replace(_OPT_ML, str(self.root.opt_ml))

    def _container_environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        home = "/tmp" if self._private else str(self.root.directory / "tmp")  # noqa: S108
        base = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return base | {name: self._rewrite(value) for name, value in environment.items()}

    def _read_output(self) -> None:
        output = self._process.stdout
        if output is None:
            return
        for line in output:
            self._log.write(line.decode("utf-8", errors="replace").rstrip("\r\n"))


def _specification(root: Path, memory_bytes: int, private_mounts: bool) -> dict[str, object]:
    covers = {"/opt": root / "opt", "/tmp": root / "tmp", "/dev/shm": root / "shm"} if private_mounts else {}  # noqa: S108
    return {
        "covers": {target: str(directory) for target, directory in covers.items()},
        "kept_paths": _kept_paths(root.parent),
        "writable_directory": str(root.parent),
        "memory_bytes": memory_bytes,
        "working_directory": _OPT_ML if private_mounts else str(root / "opt" / "ml"),
    }


def _kept_paths(job_directory: Path) -> list[str]:
    opt = Path("/opt")
    opt_children = [str(path) for path in opt.iterdir() if path.name != "ml"] if opt.is_dir() else []
    interpreter = {sys.prefix, sys.base_prefix, str(_PROJECT), str(job_directory)}
    return [*opt_children, *sorted(path for path in interpreter if not path.startswith("/opt/"))]


@functools.cache
def private_mounts_available() -> bool:
    """Return whether this platform lets a container have its own /opt/ml; tried once, in a throw-away root."""
    if not sys.platform.startswith("linux"):
        return False
    with tempfile.TemporaryDirectory(prefix="sagemaker_local_probe_") as directory:
        root = ContainerRoot(Path(directory) / "host")
        specification = json.dumps(_specification(root.directory, 0, True))
        (root.opt_ml / "marker").touch()
        probe = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_INIT), specification, "test", "-f", f"{_OPT_ML}/marker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        with probe:
            return probe.wait() == 0
