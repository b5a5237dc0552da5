"""Pays once, at set-up, for what each first run would pay for: compiled kernels and an archive of Spark's classes.

    python -m jobs.warm
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from schemas.settings import Runtime, load

SAMPLES = ("tibet.mp4", "red-heart.mp4", "announcement.ogg", "poster.png")
"""Files of the sample corpus that between them reach every kernel."""
STAGES = ("collect", "measure", "judge", "dedup", "label", "fuse")


def main() -> int:
    """The command."""
    compile_kernels()
    archive_classes()
    return 0


def compile_kernels() -> None:
    """Send two small videos through the corpus; the compiler keeps what it made beside the sources."""
    from jobs.demo.corpus import plan
    from jobs.run import execute

    with TemporaryDirectory() as folder:
        sources = Path(folder) / "sources"
        sources.mkdir()
        for source in plan():
            if source.name in SAMPLES:
                (sources / source.name).write_bytes(source.make())
        words = (f"runtime.lake={folder}/lake", f"runtime.sources={json.dumps([str(sources)])}", "runtime.progress=false")
        for stage in STAGES:
            execute(stage, load(words))


def archive_classes() -> None:
    """Start Spark once, do a little of what jobs do, and have the JVM write down the classes that this took.

    Made under another name and renamed: a JVM that is killed while it writes leaves no broken archive.
    """
    from pyspark.sql import functions as F

    from jobs import spark as of_spark

    archive = of_spark.cache_home() / of_spark.ARCHIVE
    if archive.exists():
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    passing = archive.with_suffix(".new")
    passing.unlink(missing_ok=True)
    spark = of_spark.session(Runtime(), ("-Xlog:disable", f"-XX:ArchiveClassesAtExit={passing}"))
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


if __name__ == "__main__":
    sys.exit(main())
