"""Takes from the running process what a decoder does not need: network, new programs, writing, signals to others and a look into them,
the settings of the machine (Linux).

A seccomp filter refuses the system calls with EPERM; it holds for all threads made afterwards and cannot be taken back. Newer calls than
those of Linux 5.0 do not exist for it, so that none is forgotten. Landlock, where the kernel has it, keeps it from the memory of others
and from what they were started with. Together with the limits of `jobs.media.child` a decoder that was taken over can read files and
compute and answer its parent.
"""

import ctypes
import errno
import fcntl
import os
import platform
import resource
import signal
import struct
import termios
from types import MappingProxyType

_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER_MODE = 1, 22, 38, 2
_LOAD, _JEQ, _JGE, _JSET, _RET = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_EPERM, _EACCES, _ENOSYS = _ERROR | errno.EPERM, _ERROR | errno.EACCES, _ERROR | errno.ENOSYS
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE_THREAD = 0x10000
_X32 = 0x40000000
_NEWER = 424
"""From here on, since Linux 5.1, all processors have the same numbers; libraries do without these calls where a kernel has none."""
_ARCHITECTURES = MappingProxyType({"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)})
"""Machine -> column of the numbers below, and what the kernel calls it."""

REFUSED = MappingProxyType({
    # network
    "socket": (41, 198), "connect": (42, 203), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269), "bind": (49, 200),
    "listen": (50, 201), "socketpair": (53, 199),
    # new programs and processes
    "fork": (57, -1), "vfork": (58, -1), "execve": (59, 221), "execveat": (322, 281), "unshare": (272, 97), "setns": (308, 268),
    # other processes
    "kill": (62, 129), "tkill": (200, 130), "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "ptrace": (101, 117),
    "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "perf_event_open": (298, 241), "kcmp": (312, 272),
    "migrate_pages": (256, 238), "move_pages": (279, 239),
    # what they share
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197), "semget": (64, 190), "semop": (65, 193),
    "semctl": (66, 191), "semtimedop": (220, 192), "msgget": (68, 186), "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187),
    "mq_open": (240, 180), "mq_unlink": (241, 181), "memfd_create": (319, 279), "add_key": (248, 217), "request_key": (249, 218),
    "keyctl": (250, 219),
    # writing
    "truncate": (76, 45), "ftruncate": (77, 46), "fallocate": (285, 47), "creat": (85, -1), "rename": (82, -1), "renameat": (264, 38),
    "renameat2": (316, 276), "mkdir": (83, -1), "mkdirat": (258, 34), "rmdir": (84, -1), "link": (86, -1), "linkat": (265, 37),
    "unlink": (87, -1), "unlinkat": (263, 35), "symlink": (88, -1), "symlinkat": (266, 36), "mknod": (133, -1), "mknodat": (259, 33),
    "open_by_handle_at": (304, 265),
    # what is known of files
    "chmod": (90, -1), "fchmod": (91, 52), "fchmodat": (268, 53), "chown": (92, -1), "fchown": (93, 55), "lchown": (94, -1),
    "fchownat": (260, 54), "utime": (132, -1), "utimes": (235, -1), "futimesat": (261, -1), "utimensat": (280, 88), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    # the machine
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "reboot": (169, 142), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "iopl": (172, -1),
    "ioperm": (173, -1), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "bpf": (321, 280), "userfaultfd": (323, 282), "syslog": (103, 116), "vhangup": (153, 58),
})
"""System calls that are refused whatever their arguments: their numbers on x86_64 and aarch64, -1 where there is none."""

_FIOSETOWN, _SIOCSPGRP, _F_SETOWN_EX, _TIOCLINUX = 0x8901, 0x8902, 15, 0x541C
_REFUSED_WITH = MappingProxyType({
    "ioctl": ((16, 29), 1, (termios.TIOCSTI, _TIOCLINUX, _FIOSETOWN, _SIOCSPGRP)),
    "fcntl": ((72, 25), 1, (fcntl.F_SETOWN, fcntl.F_SETSIG, _F_SETOWN_EX)),
    "prctl": ((157, 167), 0, (_PR_SET_PDEATHSIG,)),
})
"""Calls that are refused with one of some values as this argument: typing on a terminal, having signals sent to others, outliving the parent."""
_OPEN, _OPENAT, _CLONE, _TGKILL, _PRLIMIT = (2, -1), (257, 56), (56, 220), (234, 131), (302, 261)
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT, _LANDLOCK_WRITE_FILE = 444, 446, 1 << 1


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
    if platform.system() != "Linux" or platform.machine() not in _ARCHITECTURES:
        return False
    column, architecture = _ARCHITECTURES[platform.machine()]
    program = _program(column, architecture, os.getpid())
    code = b"".join(struct.pack("<HBBI", *step) for step in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = ctypes.create_string_buffer(struct.pack("@HxxxxxxP", len(program), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    _leave(libc)
    return bool(libc.prctl(_PR_SET_SECCOMP, _FILTER_MODE, header, 0, 0) == 0)


def _leave(libc: ctypes.CDLL) -> None:
    """Enter a Landlock domain of its own, from which no process outside is looked into; nothing where the kernel has none."""
    handled = struct.pack("Q", _LANDLOCK_WRITE_FILE)  # a domain must restrict something: files, which none may be written anyway
    rules = libc.syscall(_LANDLOCK_CREATE, handled, ctypes.c_size_t(len(handled)), 0)
    if rules >= 0:
        libc.syscall(_LANDLOCK_RESTRICT, rules, 0)
        os.close(rules)


Step = tuple[int, int, int, int]


def _program(column: int, architecture: int, pid: int) -> list[Step]:
    """The filter as (code, jump if true, jump if false, value): every refusal returns at once, the rest falls through."""
    steps: list[Step] = [
        (_LOAD, 0, 0, 4), (_JEQ, 1, 0, architecture), (_RET, 0, 0, _KILL),
        (_LOAD, 0, 0, 0), (_JGE, 0, 1, _X32), (_RET, 0, 0, _EPERM), (_JGE, 0, 1, _NEWER), (_RET, 0, 0, _ENOSYS),
    ]
    for numbers in REFUSED.values():
        if numbers[column] >= 0:
            steps += [(_JEQ, 0, 1, numbers[column]), (_RET, 0, 0, _EPERM)]
    for numbers, argument, values in _REFUSED_WITH.values():
        steps += _judged(numbers[column], argument, [step for v in values for step in ((_JEQ, 0, 1, v), (_RET, 0, 0, _EPERM))])
    for numbers, argument in ((_OPENAT, 2), (_OPEN, 1)):
        steps += _judged(numbers[column], argument, [(_JSET, 0, 1, _WRITE_FLAGS), (_RET, 0, 0, _EACCES)])
    steps += _judged(_CLONE[column], 0, [(_JSET, 1, 0, _CLONE_THREAD), (_RET, 0, 0, _EPERM)])
    for numbers, only in ((_TGKILL, pid), (_PRLIMIT, 0)):
        steps += _judged(numbers[column], 0, [(_JEQ, 1, 0, only), (_RET, 0, 0, _EPERM)])
    return [*steps, (_RET, 0, 0, _ALLOW)]


def _judged(number: int, argument: int, steps: list[Step]) -> list[Step]:
    """For one call: these steps with the lower half of an argument loaded; it is allowed where none of them returns."""
    if number < 0:
        return []
    return [(_JEQ, 0, len(steps) + 2, number), (_LOAD, 0, 0, 16 + 8 * argument), *steps, (_RET, 0, 0, _ALLOW)]
