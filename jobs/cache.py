"""Where what is made once per machine is kept: Spark's classes, a Java home, compiled kernels."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path


def cache_home() -> Path:
    """`REELMILL_CACHE`, else the user's own cache."""
    return Path(os.environ.get("REELMILL_CACHE", Path.home() / ".cache" / "reelmill"))


def keep_kernels() -> None:
    """See to it that numba, which must not be imported yet, can write down what it compiles: it does not import what it cannot write.

    It keeps kernels in the folder that `NUMBA_CACHE_DIR` names, or beside the sources. Where neither can be written, an installation of
    another user or a read-only image, it is told the cache of this machine, or as the last resort a folder that goes with this process.
    Its children are told the same.
    """
    if "NUMBA_CACHE_DIR" in os.environ or _writable(Path(__file__).parent / "__pycache__"):
        return
    if not _writable(folder := cache_home() / "kernels"):
        folder = Path(tempfile.mkdtemp(prefix="reelmill-kernels-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)


def _writable(folder: Path) -> bool:
    """Whether files can be made in a folder, which is made if need be: what permissions say of root or of a mount is not enough."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError:
        return False
    return True
