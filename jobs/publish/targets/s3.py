"""A bucket of S3 or of anything that speaks it: the videos, a note beside each, and the feeds.

Credentials and the endpoint come from the environment.
"""

import contextlib
import json
import os
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from jobs.errors import Terminal, Transient
from jobs.publish.pages import entry, feed_json, index_html, newest_first, rss_xml
from jobs.publish.target import Item
from schemas.settings import Settings

_TYPES = {".mp4": "video/mp4", ".json": "application/json", ".xml": "application/rss+xml", ".html": "text/html; charset=utf-8"}


class Bucket:
    """See Target."""

    name = "s3"

    def __init__(self, root: str, url: str = "") -> None:
        import s3fs

        options = {"endpoint_url": endpoint} if (endpoint := os.environ.get("AWS_ENDPOINT_URL")) else {}
        self.root, self._fs = root.strip("/"), s3fs.S3FileSystem(**options)
        self._url = url.rstrip("/") or f"s3://{quote(self.root)}"

    def has(self, key: str) -> bool:
        """See Target."""
        self._fs.invalidate_cache()
        try:
            return self._whole(key)
        except OSError as error:
            raise Transient(f"s3://{self.root}/{key}.mp4: {error}") from None

    def fetch(self, key: str, folder: Path) -> Path | None:
        """See Target; a downloaded copy."""
        place, copy = f"{self.root}/{key}.mp4", folder / f"{key}.published.mp4"
        self._fs.invalidate_cache()
        try:
            if not self._fs.exists(place) or not self._fs.info(place)["size"]:
                return None
            self._fs.get_file(place, str(copy))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Transient(f"s3://{place}: {error}") from None
        return copy

    def post(self, item: Item, file: Path) -> str:
        """See Target; an object is whole or not there, and the video is there before its note."""
        name = f"{item.key}.mp4"
        try:
            if not (self._fs.exists(f"{self.root}/{name}") and self._fs.info(f"{self.root}/{name}")["size"]):
                self._put(name, file.read_bytes())
            if not (self._fs.exists(f"{self.root}/{item.key}.json") and self._whole(item.key)):
                when = datetime.now(UTC).isoformat(timespec="seconds")
                facts = {**asdict(item), "published": when, "bytes": file.stat().st_size}
                self._put(f"{item.key}.json", json.dumps(facts, ensure_ascii=False, indent=1).encode())
        except OSError as error:
            raise Transient(f"s3://{self.root}/{name}: {error}") from None
        return name

    def _whole(self, key: str) -> bool:
        """Whether a video is there, with as many bytes as its note counts."""
        self._fs.invalidate_cache()
        try:
            size = self._fs.info(f"{self.root}/{key}.mp4")["size"]
        except FileNotFoundError:
            return False
        try:
            told = json.loads(self._fs.cat_file(f"{self.root}/{key}.json"))
            return bool(told.get("bytes", size) == size)
        except (FileNotFoundError, ValueError, AttributeError):
            return bool(size)

    def finish(self) -> None:
        """See Target."""
        self._fs.invalidate_cache()
        found = []
        for path in sorted(self._fs.glob(f"{self.root}/*.json")):
            with contextlib.suppress(ValueError):
                found.append(entry(json.loads(self._fs.cat_file(path)), f"{Path(path).stem}.mp4"))
        entries = newest_first(found)
        self._put("feed.json", feed_json(entries, self._url).encode())
        self._put("feed.xml", rss_xml(entries, self._url).encode())
        self._put("index.html", index_html(entries).encode())

    def _put(self, name: str, data: bytes) -> None:
        self._fs.pipe_file(f"{self.root}/{name}", data, ContentType=_TYPES[Path(name).suffix])


def load(place: str, settings: Settings) -> Bucket:
    """The bucket of `s3:BUCKET/PREFIX`, else of an `s3://` URL in `runtime.out`."""
    out = settings.runtime.out
    root = place or (out.removeprefix("s3://") if out.startswith("s3://") else "")
    if not root.strip("/"):
        raise Terminal('the target `s3` has no place; write publish.targets=["s3:bucket/prefix"] or --out s3://bucket/prefix')
    return Bucket(root.removeprefix("//"), settings.runtime.public_url)
