"""The embedded service as in a Docker container: `unshare` and `mount` are refused, as Docker's seccomp profile does.

https://docs.docker.com/engine/security/seccomp/
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys

from sagemaker_local.__main__ import main

# Numbers of the calls, and the name of the architecture: https://man7.org/linux/man-pages/man2/seccomp.2.html
CALLS = {"x86_64": (272, 165), "aarch64": (97, 40)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM


class Program(ctypes.Structure):
    """A filter as the kernel takes it (struct sock_fprog)."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def refuse_namespaces() -> None:
    """Have the kernel refuse this process and all that it starts to make namespaces and mounts."""
    unshare, mount = CALLS[platform.machine()]
    instructions = (
        (LOAD_NUMBER, 0, 0, 0),
        (JUMP_IF_EQUAL, 2, 0, unshare),
        (JUMP_IF_EQUAL, 1, 0, mount),
        (RETURN, 0, 0, ALLOW),
        (RETURN, 0, 0, REFUSE),
    )
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *instruction) for instruction in instructions))
    program = Program(len(instructions), ctypes.addressof(code))
    library = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program))):
        if library.prctl(*arguments, 0, 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    refuse_namespaces()
    sys.exit(main())
