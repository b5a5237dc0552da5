"""Takes from the running process what a decoder does not need: network, new programs, writing, signals to others (Linux).

A seccomp filter refuses the system calls with EPERM; it holds for all threads made afterwards and cannot be taken back.
Together with the limits of `jobs.media.child` a decoder that was taken over can read and compute and answer its parent.
"""

import ctypes
import os
import platform
import resource
import signal
import struct

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER_MODE = 1, 22, 38, 2
_LOAD, _JEQ, _JGE, _JSET, _RET, _AND = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_EPERM, _EACCES, _ENOSYS = 0x00050001, 0x0005000D, 0x00050026
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_THREAD = 0x10000

_X86_64 = {
    "arch": 0xC000003E, "openat": 257, "open": 2, "clone": 56, "tgkill": 234, "unknown": (435, 437),
    "refused": (
        41, 42, 44, 46, 49, 50, 53, 57, 58, 59, 62, 76, 77, 82, 83, 84, 85, 86, 87, 88, 90, 91, 92, 93, 94, 101, 132, 133, 165,
        166, 200, 235, 246, 248, 249, 250, 258, 259, 260, 261, 263, 264, 265, 266, 268, 272, 280, 298, 304, 307, 308, 310, 311,
        313, 316, 319, 320, 321, 322, 323, 424, 425, 426, 427, 434, 438),
}
_AARCH64 = {
    "arch": 0xC00000B7, "openat": 56, "open": -1, "clone": 220, "tgkill": 131, "unknown": (435, 437),
    "refused": (
        33, 34, 35, 36, 37, 38, 39, 40, 45, 46, 52, 53, 54, 55, 88, 97, 104, 117, 129, 130, 198, 199, 200, 201, 203, 206, 211,
        217, 218, 219, 221, 241, 265, 268, 269, 270, 271, 273, 276, 279, 280, 281, 282, 294, 424, 425, 426, 427, 434, 438),
}
"""Numbers of socket, connect, sendto, sendmsg, bind, listen, socketpair, fork, vfork, execve, kill, truncate, rename, mkdir,
rmdir, creat, link, unlink, symlink, chmod, chown, ptrace, utime, mknod, mount, umount, key management, unshare, setns, perf,
open_by_handle, sendmmsg, process_vm, module loading, memfd, bpf, userfaultfd, io_uring and pidfd calls, and their -at forms."""


def die_with(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends, however it ends; ends at once when it already has."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def limit(open_files: int = 64) -> None:
    """No file may grow, few files may be open, no memory dump is written."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def confine() -> bool:
    """Install the filter; False where the system has none for us (another kernel or processor)."""
    numbers = {"x86_64": _X86_64, "aarch64": _AARCH64}.get(platform.machine())
    if numbers is None or platform.system() != "Linux":
        return False
    program = _program(numbers, os.getpid())
    code = b"".join(struct.pack("<HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(program), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, header, 0, 0) == 0)


def _program(numbers: dict[str, object], pid: int) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, value): every refusal returns at once, the rest falls through."""
    refused, unknown = numbers["refused"], numbers["unknown"]
    assert isinstance(refused, tuple)
    assert isinstance(unknown, tuple)
    steps: list[tuple[int, int, int, int]] = [
        (_LOAD, 0, 0, 4), (_JEQ, 1, 0, int(str(numbers["arch"]))), (_RET, 0, 0, _KILL),
        (_LOAD, 0, 0, 0), (_JGE, 0, 1, 0x40000000), (_RET, 0, 0, _EPERM),
    ]
    for number in refused:
        steps += [(_JEQ, 0, 1, number), (_RET, 0, 0, _EPERM)]
    for number in unknown:
        steps += [(_JEQ, 0, 1, number), (_RET, 0, 0, _ENOSYS)]
    for name, argument in (("openat", 2), ("open", 1)):
        number = int(str(numbers[name]))
        if number >= 0:
            steps += [
                (_JEQ, 0, 4, number),
                (_LOAD, 0, 0, 16 + 8 * argument),
                (_JSET, 0, 1, _WRITE_FLAGS),
                (_RET, 0, 0, _EACCES),
                (_RET, 0, 0, _ALLOW),
            ]
    steps += [(_JEQ, 0, 4, int(str(numbers["clone"]))), (_LOAD, 0, 0, 16), (_JSET, 1, 0, _CLONE_THREAD), (_RET, 0, 0, _EPERM),
              (_RET, 0, 0, _ALLOW)]
    steps += [(_JEQ, 0, 4, int(str(numbers["tgkill"]))), (_LOAD, 0, 0, 16), (_JEQ, 1, 0, pid), (_RET, 0, 0, _EPERM),
              (_RET, 0, 0, _ALLOW)]
    return [*steps, (_RET, 0, 0, _ALLOW)]
