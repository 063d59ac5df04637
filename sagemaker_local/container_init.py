"""Parent of a container's processes: private mounts, limits, and an end together with the server.

Runs alone as `python container_init.py <specification as JSON> command...`. Its standard input is a pipe whose other
end only the server holds: end of file there means that the container is to be killed, or that the server is gone.
Exits with the command's exit code, 128 + N where signal N ended it.
"""

import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import threading
from typing import Any

_CLONE_NEWNS, _CLONE_NEWUSER = 0x00020000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_SYS_MOUNT_SETATTR, _AT_FDCWD, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 442, -100, 0x8000, 1


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("attr_set", "attr_clr", "propagation", "userns_fd")]


def main() -> int:
    """Prepare the namespace and the limits, run the command, and return its exit code."""
    specification = json.loads(sys.argv[1])
    if specification["covers"]:
        _enter_private_mounts(specification)
    if specification["memory_bytes"]:
        resource.setrlimit(resource.RLIMIT_DATA, (specification["memory_bytes"],) * 2)
    os.nice(5)  # the server answers first
    return _run(sys.argv[2:], specification["working_directory"])


def _run(command: list[str], working_directory: str) -> int:
    running: list[subprocess.Popen[bytes]] = []
    stop_asked = threading.Event()

    def stop(*_: Any) -> None:
        stop_asked.set()
        for process in running:
            process.terminate()

    signal.signal(signal.SIGTERM, stop)
    try:
        running.append(
            subprocess.Popen(command, cwd=working_directory, stdin=subprocess.DEVNULL, start_new_session=True)
        )
    except OSError as error:
        print(f"exec {command[0]}: {error.strerror}", file=sys.stderr, flush=True)  # noqa: T201
        return 127
    if stop_asked.is_set():
        running[0].terminate()
    threading.Thread(target=_kill_at_end_of_input, args=(running[0].pid,), daemon=True).start()
    exit_code = running[0].wait()
    _kill_group(running[0].pid)  # a container ends with its first process, whatever that left behind
    return exit_code if exit_code >= 0 else 128 - exit_code


def _kill_at_end_of_input(group: int) -> None:
    while os.read(0, 1):
        pass
    _kill_group(group)


def _kill_group(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _enter_private_mounts(specification: dict[str, Any]) -> None:
    """For this process alone, put the container's directories over /opt, /tmp and so on; all else is read-only."""
    libc = ctypes.CDLL(None, use_errno=True)
    _unshare(libc)
    _mount(libc, "none", "/", _MS_REC | _MS_PRIVATE)
    for target, directory in specification["covers"].items():
        for kept in specification["kept_paths"]:
            if kept.startswith(f"{target}/"):
                _keep(libc, kept, directory + kept.removeprefix(target))
        _mount(libc, directory, target, _MS_BIND | _MS_REC)
    writable = specification["writable_directory"]
    _mount(libc, writable, writable, _MS_BIND)
    _set_read_only(libc, "/", _AT_RECURSIVE)
    for path in (writable, *specification["covers"]):
        _set_writable(libc, path)


def _unshare(libc: ctypes.CDLL) -> None:
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_CLONE_NEWNS) == 0:
        return
    _check(libc.unshare(_CLONE_NEWNS | _CLONE_NEWUSER), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {user} 1")
    _write("/proc/self/gid_map", f"0 {group} 1")


def _keep(libc: ctypes.CDLL, original: str, placeholder: str) -> None:
    """Make what a cover would hide visible inside of the cover."""
    if os.path.islink(original):
        if not os.path.lexists(placeholder):
            os.symlink(os.readlink(original), placeholder)
        return
    if os.path.isdir(original):
        os.makedirs(placeholder, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(placeholder), exist_ok=True)
        _write(placeholder, "")
    _mount(libc, original, placeholder, _MS_BIND | _MS_REC)


def _mount(libc: ctypes.CDLL, source: str, target: str, flags: int) -> None:
    _check(libc.mount(source.encode(), target.encode(), None, flags, None), f"mount {source} on {target}")


def _set_read_only(libc: ctypes.CDLL, path: str, flags: int) -> None:
    _set_mount_attributes(libc, path, flags, _MountAttributes(attr_set=_MOUNT_ATTR_RDONLY))


def _set_writable(libc: ctypes.CDLL, path: str) -> None:
    _set_mount_attributes(libc, path, 0, _MountAttributes(attr_clr=_MOUNT_ATTR_RDONLY))


def _set_mount_attributes(libc: ctypes.CDLL, path: str, flags: int, attributes: _MountAttributes) -> None:
    # Kernels before 5.12 lack the call: the mounts are private all the same, only not read-only.
    libc.syscall(
        _SYS_MOUNT_SETATTR,
        _AT_FDCWD,
        path.encode(),
        flags,
        ctypes.byref(attributes),
        ctypes.sizeof(attributes),
    )


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


if __name__ == "__main__":
    sys.exit(main())
