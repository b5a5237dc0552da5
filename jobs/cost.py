"""What a job costs: CPU seconds of this process and of everything that it started, the sandboxes, Spark and its workers among them."""

import os
import resource


def cpu_s() -> float:
    """CPU seconds spent so far by this process, its ended children, and its descendants that still run (Linux)."""
    return sum(os.times()[:4]) + sum(_spent(stat) for stat in _descendants(os.getpid()))


def peak_mb() -> float:
    """Most memory that this process or one of its ended children has held, MB."""
    return max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) / 1000


def _spent(stat: list[str]) -> float:
    """utime, stime, cutime and cstime of a line of /proc/PID/stat behind the name, seconds."""
    return sum(int(ticks) for ticks in stat[11:15]) / os.sysconf("SC_CLK_TCK")


def _descendants(root: int) -> list[list[str]]:
    children: dict[int, list[tuple[int, list[str]]]] = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:  # it has ended
            continue
        children.setdefault(int(fields[1]), []).append((int(name), fields))
    found, todo = [], [root]
    while todo:
        for pid, fields in children.get(todo.pop(), ()):
            found.append(fields)
            todo.append(pid)
    return found
