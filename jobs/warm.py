"""Pays once, at set-up, for what each first run would pay for: compiled kernels and an archive of Spark's classes.

    python -m jobs.warm
"""

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from schemas.loading import load

SAMPLES = ("tibet.mp4", "red-heart.mp4", "announcement.ogg", "poster.png")
"""Files of the sample corpus that between them reach every kernel."""
STAGES = ("collect", "measure", "judge", "dedup", "label", "fuse")


def main() -> int:
    """The command."""
    from jobs.spark import archive_classes

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


if __name__ == "__main__":
    sys.exit(main())
