"""Creates .venv and installs the pinned requirements into it, again only when they changed.

Runs under the system's Python before anything is installed, hence the standard library alone.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import functools
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

PYTHON_VERSION = (3, 11)
UV_REQUIREMENT = "uv==0.13.9"
# As pip's arguments. Tests and linters need everything that is locked; what runs needs little more than half of that.
RUN_REQUIREMENTS = ("-c", "requirements.txt", "-r", "requirements-run.in")
TEST_REQUIREMENTS = ("-r", "requirements.txt", "-r", "requirements-dev.txt")
say = functools.partial(print, flush=True)  # at once, also through a pipe


class InstallationError(Exception):
    """Something the user has to provide is missing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Install what running the project needs, or with ``--dev`` what its tests and linters need."""
    parser = argparse.ArgumentParser(prog="install.py", description=__doc__)
    parser.add_argument("--dev", action="store_true", help="also install what tests and linters need")
    options = parser.parse_args(arguments)
    requirements = TEST_REQUIREMENTS if options.dev else RUN_REQUIREMENTS
    try:
        install(Path(__file__).resolve().parent.parent, requirements)
    except InstallationError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted. The next call goes on from here.", file=sys.stderr)
        return 130
    return 0


def install(root: Path, requirements: Sequence[str]) -> None:
    """Bring ``root/.venv`` up to the requirements; one process at a time, at once when nothing changed."""
    check_python()
    environment = root / ".venv"
    stamp = environment / f".installed-{Path(requirements[-1]).stem}"
    wanted = fingerprint(root, [part for part in requirements if not part.startswith("-")])
    if is_current(stamp, wanted):
        return
    with exclusive(root / ".local" / "install.lock"):
        if is_current(stamp, wanted):
            return
        started = time.monotonic()
        create_environment(environment)
        install_requirements(environment, [part if part.startswith("-") else str(root / part) for part in requirements])
        put_on_path(environment, [root, root / "plugins"])
        stamp.write_text(wanted)
        say(f"Installed into .venv in {time.monotonic() - started:.0f} s.")


def check_python() -> None:
    """Refuse another Python than the one the requirements are locked for, or one that cannot make environments."""
    if sys.version_info[:2] != PYTHON_VERSION:
        found = ".".join(map(str, sys.version_info[:3]))
        raise InstallationError(
            f"{sys.executable} is Python {found}; the pinned requirements need 3.11. "
            "Install Python 3.11, or name it: make setup PYTHON=/path/to/python3.11"
        )
    if importlib.util.find_spec("ensurepip") is None:
        raise InstallationError(
            f"{sys.executable} lacks the ensurepip module, so it cannot create .venv. "
            "Install its venv package (Debian and Ubuntu: apt-get install python3.11-venv)."
        )


def fingerprint(root: Path, files: Sequence[str]) -> str:
    """Identify an installation: the files' content, the Python, the installer and the place (scripts name it)."""
    digest = hashlib.sha256(f"{root} {sys.version} {UV_REQUIREMENT}".encode())
    for name in files:
        digest.update((root / name).read_bytes())
    return digest.hexdigest()


def is_current(stamp: Path, wanted: str) -> bool:
    """Tell whether the environment was installed from exactly this and its Python still starts."""
    python = stamp.parent / "bin" / "python"
    return stamp.is_file() and stamp.read_text() == wanted and python.exists()


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock, which the system takes back however the process ends."""
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another make is installing into .venv; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def create_environment(environment: Path) -> None:
    """Create .venv, replacing one of another Python or place (its scripts name it), or whose Python is gone.

    Raises:
        InstallationError: when it is a symbolic link: replacing would empty the folder of another place.
    """
    if environment.is_symlink():
        target = environment.resolve()
        raise InstallationError(f"{environment} is a link to {target}. Remove the link; make creates .venv here.")
    version = ".".join(map(str, sys.version_info[:3]))
    settings = environment / "pyvenv.cfg"
    if settings.is_file() and (environment / "bin" / "python").exists():
        lines = settings.read_text(encoding="utf-8").splitlines()
        if f"version = {version}" in lines and any(line.endswith(f" {environment}") for line in lines):
            return
    say(f"Creating .venv with Python {version}.")
    run([sys.executable, "-m", "venv", "--clear", environment])


def install_requirements(environment: Path, requirements: Sequence[str]) -> None:
    """Install with uv for its speed, or with pip where uv cannot: pip knows settings that uv does not.

    Both compile what they install, also where Python is told to write no bytecode: Airflow starts in half the time.
    """
    python = environment / "bin" / "python"
    say("Installing the pinned packages; the first time this downloads hundreds of MB, which may take minutes.")
    run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV_REQUIREMENT])
    compiled = ["--compile-bytecode", *requirements]
    if not uv_installs([python, "-m", "uv", "pip", "install", "--python", python, *compiled]):
        say("uv could not install them; trying pip, which is slower.")
        run([python, "-m", "pip", "install", "--disable-pip-version-check", *requirements])


def uv_installs(command: Sequence[str | os.PathLike[str]]) -> bool:
    """Run uv and show its downloads, but not its closing list of every package."""
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as uv:
        assert uv.stderr is not None  # noqa: S101 - a pipe was asked for
        for line in uv.stderr:
            if not line.startswith((" + ", " - ", " ~ ")):
                say(line.rstrip())
    return uv.returncode == 0


def put_on_path(environment: Path, folders: Sequence[Path]) -> None:
    """Make the project importable from any folder, whatever characters its path holds."""
    site_packages = environment / "lib" / "python{}.{}".format(*PYTHON_VERSION) / "site-packages"
    lines = "".join(f"{folder}\n" for folder in folders)
    (site_packages / "sagemaker_pca_project.pth").write_text(lines, encoding="utf-8")


def run(command: Sequence[str | os.PathLike[str]]) -> None:
    """Run the command with its output shown, and raise a sentence when it fails."""
    if (status := subprocess.run(command, check=False).returncode) != 0:
        shown = " ".join(map(str, command[:4]))
        raise InstallationError(f"{shown} … failed with exit code {status}; its message is above.")


if __name__ == "__main__":
    sys.exit(main())
