"""A folder with the videos, a page to watch them, and feeds: JSON Feed 1.1 and RSS 2.0. It can be served as it is."""

import contextlib
import json
import os
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from jobs.errors import Terminal
from jobs.publish.pages import Entry, entry, feed_json, index_html, newest_first, rss_xml
from jobs.publish.target import Item, target_root
from schemas.settings import Settings


class Folder:
    """See Target."""

    name = "folder"

    def __init__(self, root: Path, url: str = "") -> None:
        self.root, self._url = root, url.rstrip("/") or root.absolute().as_uri()

    def has(self, key: str) -> bool:
        """See Target."""
        video = self.root / f"{key}.mp4"
        return video.is_file() and self._noted(key, video.stat().st_size)

    def fetch(self, key: str, folder: Path) -> Path | None:
        """See Target; the file itself."""
        video = self.root / f"{key}.mp4"
        return video if video.is_file() and video.stat().st_size else None

    def post(self, item: Item, file: Path) -> str:
        """See Target. The video is there before the note of it, and each is whole or not there."""
        self.root.mkdir(parents=True, exist_ok=True)
        video = self.root / f"{item.key}.mp4"
        if self.fetch(item.key, self.root) is None:
            passing = self.root / f".{item.key}.{os.getpid()}.tmp"
            try:
                shutil.copyfile(file, passing)
                os.replace(passing, video)
            finally:
                passing.unlink(missing_ok=True)
        note = self.root / f"{item.key}.json"
        if not note.is_file() or not self._noted(item.key, video.stat().st_size):
            facts = video.stat()
            when = datetime.fromtimestamp(facts.st_mtime, UTC).isoformat(timespec="seconds")
            self._put(note.name, json.dumps({**asdict(item), "published": when, "bytes": facts.st_size}, ensure_ascii=False, indent=1))
        return video.name

    def _noted(self, key: str, size: int) -> bool:
        """Whether the note of a video, if there is one that counts its bytes, counts so many."""
        try:
            told = json.loads((self.root / f"{key}.json").read_text(encoding="utf-8"))
            return bool(told.get("bytes", size) == size)
        except (OSError, ValueError, AttributeError):
            return size > 0

    def finish(self) -> None:
        """See Target."""
        if not self.root.is_dir():
            return  # nothing was ever published here
        entries = self.entries()
        self._put("feed.json", feed_json(entries, self._url))
        self._put("feed.xml", rss_xml(entries, self._url))
        self._put("index.html", index_html(entries))

    def entries(self) -> list[Entry]:
        """What is published, the newest first."""
        found = []
        for note in sorted(self.root.glob("*.json")):
            video = self.root / f"{note.stem}.mp4"
            with contextlib.suppress(ValueError, OSError):
                found.append(entry(json.loads(note.read_text(encoding="utf-8")), video.name, video.stat().st_size))
        return newest_first(found)

    def _put(self, name: str, text: str) -> None:
        passing = self.root / f".{name}.{os.getpid()}.tmp"
        passing.write_text(text, encoding="utf-8")
        os.replace(passing, self.root / name)


def load(place: str, settings: Settings) -> Folder:
    """The folder of `folder:PLACE`, else of `runtime.out`, else `videos` beside the tables of the lake."""
    root = place or target_root(settings)
    if "://" in root:
        raise Terminal(f"{root}: the target `folder` publishes to a folder of this machine; set publish.targets to "
                       '["s3:bucket/prefix"] or give --out DIR')
    path = Path(root)
    if path.exists() and not path.is_dir():
        raise Terminal(f"{path}: videos cannot be published here, it is a file; give a folder with --out DIR")
    return Folder(path, settings.runtime.public_url)
